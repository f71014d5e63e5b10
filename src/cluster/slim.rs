//! One type for objects of all kinds on the wire: it picks a few fields and keeps no trees.
use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::{Deserialize, Deserializer};

use crate::kinds::Row;
use crate::observed::Wire;

/// An object of any kind; `META` asks the API server for metadata alone.
#[derive(Clone, Debug)]
pub struct Slim<const META: bool> {
    meta: ObjectMeta,
    /// The picked fields.
    pub wire: Wire,
}

/// Metadata alone is asked for.
pub type Meta = Slim<true>;

impl<'de, const META: bool> Deserialize<'de> for Slim<META> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let meta = ObjectMeta {
            name: Some(wire.metadata.name.clone()),
            namespace: Some(wire.metadata.namespace.clone()),
            resource_version: Some(wire.metadata.resource_version.clone()),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, wire })
    }
}

impl<const META: bool> Resource for Slim<META> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        META
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// The API resource of a kind of children.
pub fn resource(row: &Row) -> ApiResource {
    ApiResource {
        group: row.group.to_owned(),
        version: row.version.to_owned(),
        api_version: row.api_version(),
        kind: row.name.to_owned(),
        plural: row.plural.to_owned(),
    }
}

/// The API resource of stacks.
pub fn stacks() -> ApiResource {
    ApiResource::erase::<crate::api::MicroserviceStack>(&())
}
