//! The same against the registry that everybody runs, with skopeo as the witness.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;
use crate::error::Hint;
use crate::registry::upload::Upload;

const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

/// How the registry decides who may come in.
enum Mode {
    Plain,
    /// TLS, and `user` with `secret`.
    Passwords,
    /// Tokens, from a server at this address.
    Tokens(String),
}

struct Server {
    directory: tempfile::TempDir,
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// `None`, loudly, when a tool is missing: never in CI.
    fn start(mode: Mode) -> Option<Self> {
        let tools = ["docker-registry", "skopeo", "openssl", "htpasswd"];
        if let Some(tool) = tools.iter().find(|tool| !is_there(tool)) {
            #[allow(clippy::disallowed_methods)]
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "{tool} is missing, and this is CI");
            eprintln!("NOT TESTED against a real registry: {tool} is missing");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let address = free_address();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: {address}\n",
            at("data")
        );
        let (crt, key, users) = (at("srv.crt"), at("srv.key"), at("users"));
        match mode {
            Mode::Plain => {}
            Mode::Passwords => {
                secure(directory.path());
                config += &format!(
                    "  tls: {{certificate: {crt}, key: {key}}}\nauth: {{htpasswd: {{realm: lab, path: {users}}}}}\n"
                );
            }
            Mode::Tokens(ref realm) => {
                secure(directory.path());
                config += &format!(
                    "auth: {{token: {{realm: {realm}, service: lab, issuer: lab, rootcertbundle: {crt}}}}}\n"
                );
            }
        }
        std::fs::write(at("config.yml"), config).unwrap();
        let mut serve = Command::new("docker-registry");
        serve.args(["serve", &at("config.yml")]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: serve.spawn().unwrap(), directory, address };
        (0..100).find(|_| {
            std::thread::sleep(Duration::from_millis(50));
            std::net::TcpStream::connect(&server.address).is_ok()
        });
        Some(server)
    }

    fn skopeo(&self, arguments: &[&str]) -> String {
        run(Command::new("skopeo").args(arguments))
    }
}

fn is_there(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
    found.is_ok_and(|output| output.status.success())
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A certificate authority, a certificate for 127.0.0.1, and the user `user`.
fn secure(directory: &Path) {
    let script = "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca \
            -addext basicConstraints=critical,CA:TRUE
        openssl req -newkey rsa:2048 -nodes -keyout srv.key -out srv.csr -subj /CN=srv
        printf 'subjectAltName=IP:127.0.0.1\\n' > ext
        openssl x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
            -out srv.crt -extfile ext
        htpasswd -Bbn user secret > users";
    run(Command::new("sh").args(["-c", script]).current_dir(directory));
}

/// Pushes an image of two blobs; gives the digest of its manifest.
async fn push(registry: &Registry) -> Digest {
    let (layer, bytes) = blob(6 << 20);
    let config = Descriptor::of(MediaType::OCI_CONFIG, CONFIG);
    registry.put(&layer, &bytes).await.unwrap();
    registry.put(&config, &Blob::Bytes(Bytes::from_static(CONFIG))).await.unwrap();
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config, "layers": [layer],
    });
    let bytes = Bytes::from(manifest.to_string());
    let descriptor = Descriptor::of(MediaType::OCI_MANIFEST, &bytes);
    registry.put(&descriptor, &Blob::Bytes(bytes.clone())).await.unwrap();
    registry.tag(&descriptor, &bytes, "1.0").await.unwrap();
    descriptor.digest
}

async fn read_back(registry: &Registry, digest: &Digest) {
    let found = registry.resolve("1.0").await.unwrap();
    assert_eq!(found.digest, *digest);
    let (layer, _) = blob(6 << 20);
    let source: &dyn Source = registry;
    assert_eq!(source.bytes(&layer, 8 << 20).await.unwrap().len(), 6 << 20);
}

#[tokio::test]
async fn a_plain_registry_and_skopeo_agree() {
    let Some(server) = Server::start(Mode::Plain) else { return };
    let reference = |name: &str| format!("{}/{name}", server.address).parse().unwrap();
    let registry = Registry::new(reference("team/app:1.0"), http(), Arc::new(Anonymous), false);
    let digest = push(&registry).await;
    read_back(&registry, &digest).await;
    let image = format!("docker://{}/team/app:1.0", server.address);
    let format = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
    let seen = server.skopeo(&[&format[..], &[&image]].concat());
    assert_eq!(seen.trim(), digest.as_str());
    let copy = format!("oci:{}:1.0", server.directory.path().join("copy").display());
    server.skopeo(&["copy", "--src-tls-verify=false", &image, &copy]);

    let other = Registry::new(reference("other/app:1.0"), http(), Arc::new(Anonymous), false);
    let (layer, bytes) = blob(6 << 20);
    assert!(other.mount(&layer, registry.location()).await.unwrap());
    assert!(other.contains(&layer).await.unwrap());
    let (absent, absent_bytes) = blob(77);
    assert!(!other.mount(&absent, registry.location()).await.unwrap());
    other.put(&absent, &absent_bytes).await.unwrap();
    assert!(other.contains(&absent).await.unwrap());

    // The other way to upload, against the same registry.
    let chunked = Registry::new(reference("chunked/app"), http(), Arc::new(Anonymous), false);
    let upload =
        Upload { session: &chunked.session, scope: chunked.push(), content: &layer, blob: &bytes };
    upload.run_in_chunks().await.unwrap();
    assert!(chunked.contains(&layer).await.unwrap());
}

#[tokio::test]
async fn a_registry_with_tls_and_passwords_lets_its_users_in() {
    let Some(server) = Server::start(Mode::Passwords) else { return };
    let ca = std::fs::read(server.directory.path().join("ca.crt")).unwrap();
    let options = HttpOptions { ca_certificates: vec![ca], retries: 0, ..HttpOptions::default() };
    let http = Http::new(&options).unwrap();
    let open = |http: &Http, credentials| {
        let reference = format!("{}/team/app:1.0", server.address).parse().unwrap();
        Registry::new(reference, http.clone(), credentials, false)
    };
    let registry = open(&http, user("user", "secret"));
    let digest = push(&registry).await;
    read_back(&registry, &digest).await;
    let error = open(&http, user("user", "wrong")).resolve("1.0").await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    let error = open(&http, Arc::new(Anonymous)).resolve("1.0").await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    // A certificate that is not trusted is no reason to go on without TLS.
    let stranger = Http::new(&HttpOptions::default()).unwrap();
    let error = open(&stranger, user("user", "secret")).resolve("1.0").await.unwrap_err();
    assert!(matches!(&error, Error::Network { url, .. } if url.starts_with("https")), "{error}");
    assert_eq!(error.hint(), Some(Hint::AddCertificate));
}

/// A token server of the distribution specification: anybody may pull, `user` may push.
async fn token_server(directory: std::path::PathBuf) -> axum::Router {
    axum::Router::new().fallback(async move |request: axum::extract::Request| {
        let user = request.headers().contains_key("authorization");
        let query = request.uri().query().unwrap_or_default().to_owned();
        let access: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(key, _)| key == "scope")
            .map(|(_, scope)| {
                let parts: Vec<_> = scope.split(':').collect();
                let actions = parts[2].split(',').filter(|action| user || *action == "pull");
                let actions: Vec<_> = actions.collect();
                serde_json::json!({ "type": parts[0], "name": parts[1], "actions": actions })
            })
            .collect();
        serde_json::json!({ "token": sign(&directory, &access), "expires_in": 300 }).to_string()
    })
}

/// A JSON web token with the key that belongs to `srv.crt`.
fn sign(directory: &Path, access: &[serde_json::Value]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let certificate = std::fs::read_to_string(directory.join("srv.crt")).unwrap();
    let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
    let header =
        serde_json::json!({ "typ": "JWT", "alg": "RS256", "x5c": [lines.collect::<String>()] });
    let claims = serde_json::json!({
        "iss": "lab", "sub": "user", "aud": "lab", "jti": "1", "access": access,
        "iat": now, "nbf": now - 5, "exp": now + 300,
    });
    let text = [header, claims].map(|part| BASE64.encode(part.to_string())).join(".");
    let file = tempfile::NamedTempFile::new_in(directory).unwrap();
    std::fs::write(file.path(), &text).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-sign", "srv.key"]).arg(file.path()).current_dir(directory);
    format!("{text}.{}", BASE64.encode(openssl.output().unwrap().stdout))
}

#[tokio::test]
async fn a_registry_with_tokens_gives_what_the_scopes_allow() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let realm = format!("http://{}/token", listener.local_addr().unwrap());
    let Some(server) = Server::start(Mode::Tokens(realm)) else { return };
    let router = token_server(server.directory.path().to_owned()).await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    let open = |name: &str, credentials| {
        let reference = format!("{}/{name}", server.address).parse().unwrap();
        Registry::new(reference, http(), credentials, false)
    };
    let registry = open("team/app:1.0", user("user", "secret"));
    let digest = push(&registry).await;
    read_back(&open("team/app:1.0", Arc::new(Anonymous)), &digest).await;
    let (layer, bytes) = blob(6 << 20);
    // The token must cover both repositories.
    let other = open("other/app", user("user", "secret"));
    assert!(other.mount(&layer, registry.location()).await.unwrap());
    assert!(other.contains(&layer).await.unwrap());
    let nobody = open("third/app", Arc::new(Anonymous));
    let error = nobody.put(&layer, &bytes).await.unwrap_err();
    assert!(matches!(&error, Error::Denied { what, .. } if what == "push"), "{error}");
}
