use proptest::prelude::*;

use super::*;

fn basic(user: &str, password: &str) -> Option<Credential> {
    Some(Credential::Basic { user: user.into(), password: password.into() })
}

async fn look(file: &str, registry: &str, repository: &str) -> Result<Option<Credential>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    std::fs::write(&path, file).unwrap();
    let missing = directory.path().join("missing.json");
    CredentialFiles::new(vec![missing, path]).for_registry(registry, repository).await
}

#[tokio::test]
async fn logins_are_found_by_the_longest_key() {
    // a:b, c:d and e:f, in base64.
    let file = r#"{"auths":{
        "https://index.docker.io/v1/":{"auth":"YTpi"},
        "quay.io":{"auth":"Yzpk"},
        "quay.io/team":{"auth":"ZTpm"},
        "quay.io/team/app":{"username":"g","password":"h"},
        "http://legacy.test/v2/":{"auth":"YTpi"},
        "port.test:5000":{"identitytoken":"refresh"},
        "token.test":{"registrytoken":"direct"},
        "empty.test":{}, "null.test":null,
        "future.test":{"auth":"YTpi","more":1}
    },"HttpHeaders":{}}"#;
    for (registry, repository, expected) in [
        ("docker.io", "library/nginx", basic("a", "b")),
        ("index.docker.io", "x", basic("a", "b")),
        ("quay.io", "other", basic("c", "d")),
        ("quay.io", "teamwork/x", basic("c", "d")),
        ("quay.io", "team/x", basic("e", "f")),
        ("quay.io", "team/app", basic("g", "h")),
        ("quay.io", "team/application", basic("e", "f")),
        ("quay.io:443", "team/app", None),
        ("legacy.test", "x", basic("a", "b")),
        ("port.test:5000", "x", Some(Credential::IdentityToken("refresh".into()))),
        ("token.test", "x", Some(Credential::RegistryToken("direct".into()))),
        ("empty.test", "x", None),
        ("null.test", "x", None),
        ("future.test", "x", basic("a", "b")),
        ("elsewhere.test", "x", None),
    ] {
        let found = look(file, registry, repository).await.unwrap();
        assert_eq!(found, expected, "{registry}/{repository}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_without_the_secret() {
    for file in [
        "{",
        r#"{"auths":{"h":"c2VjcmV0"}}"#,
        r#"{"auths":{"h":{"auth":"c2VjcmV0"}}}"#,
        r#"{"auths":{"h":{"auth":"%"}}}"#,
    ] {
        let error = look(file, "h", "x").await.unwrap_err().to_string();
        assert!(error.contains("config.json") && !error.contains("c2Vj"), "{error}");
    }
    assert_eq!(look("", "h", "x").await.unwrap(), None);
    let found = look(r#"{"auths":{"h":{"auth":"YTpi"}}}"#, "h", "x").await.unwrap();
    assert_eq!(format!("{found:?}"), r#"Some(Basic { user: "a", password: Secret(..) })"#);
}

#[tokio::test]
async fn helpers_are_never_paths_and_must_exist() {
    for name in ["../x", "a/b", "a b", "no-such-helper-anywhere"] {
        let file = format!(r#"{{"credsStore":"{name}"}}"#);
        let error = look(&file, "h", "x").await.unwrap_err().to_string();
        assert!(error.contains("credential helper"), "{error}");
    }
}

#[tokio::test]
async fn helpers_are_asked_and_not_waited_for_for_ever() {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker-credential-test");
    let script = r#"#!/bin/sh
        test "$1" = get || exit 9
        read -r server
        case "$server" in
        user*) echo '{"ServerURL":"x","Username":"a","Secret":"b"}' ;;
        token*) echo '{"ServerURL":"x","Username":"<token>","Secret":"c"}' ;;
        none*) echo 'credentials not found in native keychain'; exit 1 ;;
        slow*) exec sleep 60 ;;
        odd*) echo 'b' ;;
        *) echo 'locked'; exit 2 ;;
        esac"#;
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = path.display().to_string();
    let ask = async |server: &str| {
        // While another test of this process forks, the script may still count as being written.
        loop {
            let server = format!("{server}\n");
            let found = helper::consult(&path, &server, Duration::from_secs(2)).await;
            let text = found.as_ref().map_or_else(ToString::to_string, |_| String::new());
            if !text.contains("Text file busy") {
                return found.map_err(|_| text);
            }
        }
    };
    assert_eq!(ask("user").await, Ok(basic("a", "b")));
    assert_eq!(ask("token").await, Ok(Some(Credential::IdentityToken("c".into()))));
    assert_eq!(ask("none").await, Ok(None));
    for (server, reason) in
        [("slow", "no answer within"), ("odd", "not understood"), ("x", "it failed: locked")]
    {
        let error = ask(server).await.unwrap_err();
        assert!(error.contains(reason) && error.contains("docker-credential-test"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_file_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), key in "\\PC*", auth in "\\PC*") {
        let _ = AuthFile::parse(&bytes);
        let file = serde_json::json!({ "auths": { key: { "auth": auth } } }).to_string();
        for entry in AuthFile::parse(file.as_bytes()).unwrap().entries("h", "a/b") {
            if let Known::Login(login) = entry {
                let _ = login.credential("f");
            }
        }
    }
}
