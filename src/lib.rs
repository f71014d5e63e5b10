//! mstack: one Kubernetes object, `MicroserviceStack`, declares a whole application.
