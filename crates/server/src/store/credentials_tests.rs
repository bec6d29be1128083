//! Ways in, in both databases.

use super::*;

fn account(name: &str) -> Account {
    Account { name: name.into(), password: String::new(), clearance: Tlp::Amber, holds: [].into(), reads: [].into(), writes: [].into() }
}

fn token(digest: &str, account: &str, expires: Option<i64>) -> Token {
    Token { digest: digest.into(), account: account.into(), made: 5, expires, used: None, note: "n".into() }
}

#[test]
fn ways_in_are_kept_go_with_their_account_and_every_change_counts() {
    for place in places() {
        let (mut store, mut other) = (open(&place), open(&place));
        let mut last = other.directory().unwrap().generation;
        let mut has_changed = || {
            let number = other.directory().unwrap().generation;
            std::mem::replace(&mut last, number) != number
        };
        ["fi", "se"].iter().for_each(|name| store.set_account(&account(name)).unwrap());
        assert!(has_changed() && !has_changed());
        let (a, b) = (token("aa", "fi", Some(9)), token("bb", "se", None));
        store.add_token(&a).unwrap();
        assert!(has_changed());
        store.add_token(&b).unwrap();
        assert!(store.add_token(&a).is_err() && store.add_token(&token("cc", "nobody", None)).is_err());
        assert_eq!(store.tokens().unwrap(), [a.clone(), b.clone()]);
        assert!(has_changed());
        store.set_tokens_used(&[("bb".into(), 77)]).unwrap();
        assert_eq!(store.tokens().unwrap()[1].used, Some(77));
        assert!(!has_changed(), "a use changes nobody's ways in");
        let bound = |account: &str| Bound { bound: "dns:a".into(), account: account.into() };
        store.bind_certificate(&bound("fi"), 5).unwrap();
        assert!(has_changed() && !store.free_certificate(&bound("se")).unwrap());
        let issuer = IssuerRow { url: "https://a".into(), settings: "{}".into() };
        store.set_issuer(&issuer).unwrap();
        let access = store.access().unwrap();
        assert_eq!((access.accounts.len(), access.certificates, access.issuers), (2, vec![bound("fi")], vec![issuer]));
        assert!(store.remove_account("fi").unwrap() && !store.remove_account("fi").unwrap());
        assert!(has_changed());
        store.set_account(&account("fi")).unwrap();
        assert_eq!(store.tokens().unwrap().iter().map(|t| t.digest.as_str()).collect::<Vec<_>>(), ["bb"]);
        assert!(store.certificates().unwrap().is_empty());
        assert!(store.remove_token("bb").unwrap() && !store.remove_token("bb").unwrap());
        assert!(store.remove_issuer("https://a").unwrap() && store.issuers().unwrap().is_empty());
        assert!(has_changed());
    }
}
