//! ServiceAccount: a service's own identity, without a token in its pods.
use k8s_openapi::api::core::v1::ServiceAccount;

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::{Service, Stack};

pub fn build(stack: &Stack, service: &Service) -> Object {
    let account = ServiceAccount {
        metadata: meta::owned(stack, &service.name, &service.objects.base),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    };
    Object::new(Kind::ServiceAccount, &service.name, &account)
}
