//! Repositories that are not there, and such that are and are not trusted.

use super::*;
use crate::port::Body;

/// Has a file of this name and nothing else; or nobody can say.
#[derive(Debug)]
struct Only(Option<&'static str>);

#[async_trait]
impl Fetch for Only {
    async fn get(&self, url: &Url) -> Result<Body> {
        match self.0 {
            Some(name) if url.path().ends_with(name) => Ok(Body::from_bytes("<repomd/>")),
            Some(_) => Err(Error::NotFound { url: url.clone() }),
            None => Err(Error::Fetch { url: url.clone(), source: "no way there".into() }),
        }
    }
}

fn load(options: &str, fetch: &dyn Fetch) -> Result<Loaded> {
    let repo = format!("[x]\nbaseurl=https://x.invalid/\n{options}");
    let root = MemoryRoot::of(&[("etc/yum.repos.d/x.repo", &repo)]);
    let (distro, trust) = (azurelinux(), Trust::strict(now()));
    let sources = Sources {
        root: &root,
        distro: &distro,
        arch: crate::package::arch::Arch::Amd64,
        mirrors: &[],
        host: &[],
        snapshot: trust.now,
        trust: &trust,
    };
    let repositories = crate::format::rpm::sources::discover::origins(
        &sources,
        &[],
        &[],
        &mut Warnings::default(),
    )?
    .repositories;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(load_all(&repositories, Ports::new(fetch, &forgetful())))
}

#[test]
fn what_is_not_there_may_be_skipped_and_what_is_not_trusted_never() {
    let skip = "skip_if_unavailable=1\nrepo_gpgcheck=1\n";
    for fetch in [Only(None), Only(Some("nothing"))] {
        let loaded = load(skip, &fetch).unwrap();
        assert!(loaded.catalog.is_empty());
        let said = |warning: &Warning| warning.text.ends_with("its updates are not considered");
        assert!(loaded.warnings.iter().any(said), "{:?}", loaded.warnings);
        let error = load("repo_gpgcheck=1\n", &fetch).map(|loaded| loaded.warnings).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. } | Error::Fetch { .. }), "{error:?}");
    }
    refused(load(skip, &Only(Some("repomd.xml"))), &["repomd.xml", "it is not signed"]);
}

#[test]
fn a_mirror_that_is_not_in_order_is_passed_over() {
    let Some(lab) = Lab::new() else { return };
    fs::create_dir(lab.path("old")).unwrap();
    run(Command::new("cp").arg("-r").arg(lab.path("repo/repodata")).arg(lab.path("old")));
    let repomd = lab.path("old/repodata/repomd.xml");
    let text = fs::read_to_string(&repomd).unwrap();
    fs::write(&repomd, text.replace("<revision>", "<revision>1")).unwrap();
    let load = |places: &[&str]| {
        let roots = places.iter().map(|place| Url::from_directory_path(lab.path(place)).unwrap());
        let repo = Repo {
            id: "lab".into(),
            place: Place::Roots(roots.collect()),
            keys: Ok(Arc::new(lab.keys().keyring)),
            key_urls: Vec::new(),
            signed: true,
            trust: lab.trust(),
            filter: Filter::default(),
            streams: Vec::new(),
            priority: 99,
            cost: 1000,
            required: true,
            notes: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(repo.load(Ports::new(&Files::default(), &forgetful())))
    };
    let loaded = load(&["none", "old", "repo"]).unwrap();
    assert!(loaded.catalog.best("hello").is_some());
    assert_eq!(loaded.warnings.len(), 2);
    assert!(loaded.warnings[1].text.contains("does not fit the text"), "{:?}", loaded.warnings);
    refused(load(&["old", "none"]), &["old/repodata/repomd.xml", "does not fit the text"]);
}
