//! Users and passwords of mirrors: taken out of their addresses, so that no address that is shown,
//! planned or kept holds them, and put back when something is asked for.

use std::fmt;

use url::Url;

use crate::pkg::Mirror;

/// Who this program is to the mirrors that its user named.
#[derive(Clone, Default)]
pub(crate) struct Logins(Vec<Url>);

impl Logins {
    /// Takes them out of the addresses of these mirrors.
    pub(crate) fn taken_from(mirrors: &mut [Mirror]) -> Self {
        let mut logins = Vec::new();
        for mirror in mirrors {
            let bare = plain(&mirror.url);
            if bare != mirror.url {
                logins.push(std::mem::replace(&mut mirror.url, bare));
            }
        }
        Self(logins)
    }

    /// The address with the login of the mirror that it is below, or else of one at the same host:
    /// archives beside each other have the same.
    pub(crate) fn put_into(&self, url: &Url) -> Url {
        let near = || self.0.iter().filter(|login| login.origin() == url.origin());
        let below = |login: &&Url| url.path().starts_with(login.path().trim_end_matches('/'));
        let Some(login) = near().find(below).or_else(|| near().next()) else { return url.clone() };
        let mut url = url.clone();
        // Both fail only for addresses that cannot hold them.
        let _ = url.set_username(login.username());
        let _ = url.set_password(login.password());
        url
    }
}

/// The address without user and password: fit to be shown.
pub(crate) fn plain(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for addresses that cannot hold them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|url| plain(url).to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_go_to_their_hosts_only_and_show_nowhere() {
        let texts = [
            "debian=https://u:secret@m.example/a/debian",
            "debian=https://v:other@m.example/b",
            "debian=https://free.example/debian",
        ];
        let mut mirrors = texts.map(|text| text.parse::<Mirror>().unwrap());
        let logins = Logins::taken_from(&mut mirrors);
        assert_eq!(mirrors[0].url.as_str(), "https://m.example/a/debian");
        for (asked, sent) in [
            ("https://m.example/a/debian/dists/x", "https://u:secret@m.example/a/debian/dists/x"),
            ("https://m.example/b/pool/y", "https://v:other@m.example/b/pool/y"),
            ("https://m.example/a/debian-security", "https://u:secret@m.example/a/debian-security"),
            ("http://m.example/a/debian/z", "http://m.example/a/debian/z"),
            ("https://m.example:444/b", "https://m.example:444/b"),
            ("https://free.example/debian", "https://free.example/debian"),
        ] {
            assert_eq!(logins.put_into(&asked.parse().unwrap()).as_str(), sent);
        }
        assert!(!format!("{logins:?}{mirrors:?}").contains("secret"));
    }
}
