//! Entries of managed fields that a list brings and that wait to be compared. Most are alike, for they name fields and no
//! values, so equal ones are kept once.
use std::collections::HashMap;
use std::sync::Arc;

use crate::observed::Managed;

/// The texts of the lists that are under way, by their hash.
#[derive(Debug, Default)]
pub struct Texts(HashMap<u64, Arc<str>>);

impl Texts {
    /// Replaces a text by the equal one that is there already.
    pub fn share(&mut self, managed: &mut Managed) {
        let Some(text) = &managed.text else { return };
        let known = self.0.entry(managed.ours).or_insert_with(|| Arc::clone(text));
        if known == text {
            managed.text = Some(Arc::clone(known));
        }
    }

    /// A list is complete: who still has a text keeps it.
    pub fn forget(&mut self) {
        self.0 = HashMap::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed(text: &str) -> Managed {
        Managed { ours: 7, text: Some(text.into()), ..Managed::default() }
    }

    #[test]
    fn equal_texts_are_kept_once_and_texts_of_the_same_hash_stay_apart() {
        let mut texts = Texts::default();
        let (mut one, mut same, mut other) = (managed("a"), managed("a"), managed("b"));
        for managed in [&mut one, &mut same, &mut other] {
            texts.share(managed);
        }
        let text = |managed: &Managed| managed.text.clone().unwrap();
        assert!(Arc::ptr_eq(&text(&one), &text(&same)));
        assert_eq!(&*text(&other), "b");
    }

    #[test]
    fn a_text_lives_no_longer_than_its_list_and_who_waits_for_its_comparison() {
        let mut texts = Texts::default();
        let mut one = managed("a");
        texts.share(&mut one);
        texts.forget();
        assert_eq!(one.text.as_ref().map(Arc::strong_count), Some(1));
    }
}
