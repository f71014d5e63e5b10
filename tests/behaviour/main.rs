//! Behaviour against a real API server, with the real controllers and simulated nodes; each test quotes its rule.
mod requests;
mod world;
