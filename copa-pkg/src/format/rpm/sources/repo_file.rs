//! `.repo` files: `yum.conf(5)`, `dnf.conf(5)`.

use std::collections::BTreeMap;

use crate::format::rpm::sources::variables::Variables;
use crate::repository::catalog::{COST, PRIORITY};
use crate::warning::{Code, Warning};

/// A repository that a file describes, variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its name in brackets.
    pub(crate) id: String,
    /// Where it is, the first that answers is taken.
    pub(crate) baseurl: Vec<String>,
    pub(crate) mirrorlist: Option<String>,
    pub(crate) metalink: Option<String>,
    pub(crate) enabled: bool,
    /// Whether `repomd.xml` has to be signed.
    pub(crate) repo_gpgcheck: bool,
    /// Where the keys are.
    pub(crate) gpgkey: Vec<String>,
    pub(crate) excludes: Vec<String>,
    pub(crate) includes: Vec<String>,
    /// Lower ones come first: a package that a lower one has is taken from no other.
    pub(crate) priority: i64,
    /// Of what repositories of one priority have alike, the one with the lowest is taken.
    pub(crate) cost: i64,
    /// Whether the certificate of its server counts.
    pub(crate) sslverify: bool,
    pub(crate) skip_if_unavailable: bool,
    pub(crate) module_hotfixes: bool,
    /// Whether packages have to be signed.
    pub(crate) gpgcheck: bool,
}

/// What a file says: repositories, and what of it is not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The repositories, in their order.
    pub(crate) sources: Vec<Source>,
    /// What was passed over, and why.
    pub(crate) notes: Vec<Warning>,
}

/// What `[main]` of the package manager's own configuration says for all repositories. In a `.repo`
/// file such a section says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Main(Options);

/// What a repository takes from `[main]` when it does not say it itself.
const INHERITED: [&str; 5] =
    ["enabled", "gpgcheck", "repo_gpgcheck", "skip_if_unavailable", "sslverify"];

/// The most sections of a file that are read.
const MOST: usize = 1000;

/// The options of a section.
type Options = BTreeMap<String, String>;

impl Main {
    /// Takes in what a file says that no file before it said.
    pub(crate) fn read(&mut self, text: &str) {
        for (id, options) in sections(text) {
            if id == "main" {
                for (key, value) in options {
                    self.0.entry(key).or_insert(value);
                }
            }
        }
    }
}

impl Parsed {
    /// Reads a file; `name` names it in notes.
    pub(crate) fn read(name: &str, text: &str, main: &Main, variables: &Variables) -> Self {
        let mut parsed = Self::default();
        for (id, options) in sections(text).into_iter().filter(|(id, _)| id != "main") {
            let source = Source::of(&variables.fill(&id), &Asked { options, main, variables });
            let placed = !source.baseurl.is_empty()
                || source.mirrorlist.is_some()
                || source.metalink.is_some();
            if !placed && source.enabled {
                let reason = "it has no baseurl, mirrorlist or metalink";
                let text = format!("{name}: [{}] passed over: {reason}", source.id);
                parsed.notes.push(Warning::new(Code::PassedOver, &source.id, text));
            } else {
                parsed.sources.push(source);
            }
        }
        parsed
    }
}

/// The options of a repository, and where they come from when it does not say them.
struct Asked<'a> {
    options: Options,
    main: &'a Main,
    variables: &'a Variables,
}

impl Asked<'_> {
    fn text(&self, key: &str) -> Option<String> {
        let inherited = || self.main.0.get(key).filter(|_| INHERITED.contains(&key));
        let value = self.options.get(key).or_else(inherited);
        value.map(|value| self.variables.fill(value)).filter(|value| !value.is_empty())
    }

    fn truth(&self, key: &str, otherwise: bool) -> bool {
        self.text(key).map_or(otherwise, |text| truth(&text))
    }

    fn number(&self, key: &str, otherwise: i64) -> i64 {
        self.text(key).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    /// Patterns of packages, for this repository and for all.
    fn patterns(&self, keys: &[&str]) -> Vec<String> {
        let both = [&self.options, &self.main.0].into_iter();
        let values = both.flat_map(|options| keys.iter().filter_map(move |key| options.get(*key)));
        values.flat_map(|value| list(self.variables.fill(value))).collect()
    }
}

impl Source {
    fn of(id: &str, asked: &Asked<'_>) -> Self {
        let all = |key| list(asked.text(key).unwrap_or_default());
        Self {
            id: id.to_owned(),
            baseurl: all("baseurl"),
            mirrorlist: asked.text("mirrorlist"),
            metalink: asked.text("metalink"),
            enabled: asked.truth("enabled", true),
            repo_gpgcheck: asked.truth("repo_gpgcheck", false),
            gpgkey: all("gpgkey"),
            excludes: asked.patterns(&["excludepkgs", "exclude"]),
            includes: asked.patterns(&["includepkgs"]),
            priority: asked.number("priority", PRIORITY),
            cost: asked.number("cost", COST),
            sslverify: asked.truth("sslverify", true),
            skip_if_unavailable: asked.truth("skip_if_unavailable", false),
            module_hotfixes: asked.truth("module_hotfixes", false),
            gpgcheck: asked.truth("gpgcheck", true),
        }
    }
}

/// The sections of a file, in their order. A line that begins with a blank continues the one
/// before it.
fn sections(text: &str) -> Vec<(String, Options)> {
    let mut sections: Vec<(String, Options)> = Vec::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let continued = line.starts_with([' ', '\t']);
        if let Some(id) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if sections.len() == MOST {
                return sections;
            }
            sections.push((id.trim().to_owned(), Options::new()));
            last = None;
            continue;
        }
        let Some((_, options)) = sections.last_mut() else { continue };
        match (trimmed.split_once('='), &last) {
            (_, Some(key)) if continued => {
                let value = options.entry(key.clone()).or_default();
                value.push('\n');
                value.push_str(trimmed);
            }
            (Some((key, value)), _) => {
                let key = key.trim().to_ascii_lowercase();
                options.insert(key.clone(), value.trim().to_owned());
                last = Some(key);
            }
            (None, _) => last = None,
        }
    }
    sections
}

fn list(text: String) -> Vec<String> {
    let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    words.map(Into::into).collect()
}

fn truth(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on" | "enabled")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::rpm::oracle::{have, run};
    use proptest::prelude::*;

    fn variables() -> Variables {
        [("releasever", "3.0"), ("basearch", "x86_64"), ("arch", "x86_64"), ("v", "q")]
            .into_iter()
            .collect()
    }

    fn read(text: &str) -> Parsed {
        Parsed::read("x.repo", text, &Main::default(), &variables())
    }

    #[test]
    fn a_repository_of_azure_linux_is_read() {
        let parsed = read(
            "[azurelinux-official-base]\nname=Azure Linux Official Base $releasever $basearch\n\
             baseurl=https://packages.example/azurelinux/$releasever/prod/base/$basearch\n\
             gpgkey=file:///etc/pki/rpm-gpg/MICROSOFT-RPM-GPG-KEY\ngpgcheck=1\nrepo_gpgcheck=1\n\
             enabled=1\nskip_if_unavailable=True\nsslverify=1\n",
        );
        let [source] = &parsed.sources[..] else { panic!("{parsed:?}") };
        assert_eq!(source.id, "azurelinux-official-base");
        assert_eq!(source.baseurl, ["https://packages.example/azurelinux/3.0/prod/base/x86_64"]);
        assert_eq!(source.gpgkey, ["file:///etc/pki/rpm-gpg/MICROSOFT-RPM-GPG-KEY"]);
        assert!(source.enabled && source.repo_gpgcheck && source.skip_if_unavailable);
        assert!(source.sslverify && source.gpgcheck && source.priority == 99);
    }

    #[test]
    fn lists_go_over_lines_and_options_have_defaults() {
        let parsed = read(
            "# comment\n[b]\nbaseurl = http://a.invalid/${v}/$v\n\
             \thttp://b.invalid/$unknown\nenabled = no\npriority=10\nexclude=x y\nincludepkgs=z\n\
             module_hotfixes=1\n; comment\n[c]\nmetalink=https://m.invalid/?a=$basearch&b=1\n\
             gpgcheck=0\n[d]\nmirrorlist=https://l.invalid/\nsslverify=0\n[e]\nname=nowhere\n",
        );
        let [b, c, d] = &parsed.sources[..] else { panic!("{parsed:?}") };
        assert_eq!(b.baseurl, ["http://a.invalid/q/q", "http://b.invalid/$unknown"]);
        assert_eq!(
            (&*b.excludes, &*b.includes),
            (&["x".into(), "y".into()][..], &["z".into()][..])
        );
        assert!(!b.enabled && b.priority == 10 && b.module_hotfixes && !b.repo_gpgcheck);
        assert_eq!(c.metalink.as_deref(), Some("https://m.invalid/?a=x86_64&b=1"));
        assert!(!c.gpgcheck && c.enabled && !c.skip_if_unavailable);
        assert!(d.mirrorlist.is_some() && !d.sslverify);
        assert_eq!(
            parsed.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(),
            ["x.repo: [e] passed over: it has no baseurl, mirrorlist or metalink"]
        );
    }

    #[test]
    fn what_a_repository_does_not_say_the_main_section_does() {
        let mut main = Main::default();
        main.read(
            "[main]\ngpgcheck=0\nskip_if_unavailable=yes\nrepo_gpgcheck=1\nexcludepkgs=kernel*\n\
             exclude=z\nincludepkgs=k\npriority=1\ncost=1\nmodule_hotfixes=1\n",
        );
        main.read("[main]\ngpgcheck=1\nenabled=0\n[other]\nsslverify=0\n");
        let text = "[main]\nenabled=1\n[a]\nbaseurl=https://a.invalid\n[b${v}]\n\
                    baseurl=https://b.invalid\nenabled=1\nskip_if_unavailable=0\ncost=7\n\
                    excludepkgs=x\nexclude=y\nincludepkgs=w,\n";
        let parsed = Parsed::read("x.repo", text, &main, &variables());
        let [a, b] = &parsed.sources[..] else { panic!("{parsed:?}") };
        assert!(!a.gpgcheck && a.skip_if_unavailable && a.repo_gpgcheck && a.sslverify);
        assert!(!a.enabled && !a.module_hotfixes && (a.priority, a.cost) == (99, 1000));
        assert_eq!(a.excludes, ["kernel*", "z"]);
        assert_eq!(a.includes, ["k"]);
        assert!(b.id == "bq" && b.enabled && !b.skip_if_unavailable && b.cost == 7);
        assert_eq!(b.excludes, ["x", "y", "kernel*", "z"]);
        assert_eq!(b.includes, ["w", "k"]);
    }

    /// What dnf itself makes of the same files.
    #[test]
    fn options_are_dnfs() {
        if !have("dnf") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let conf = "[main]\nskip_if_unavailable=1\nrepo_gpgcheck=yes\nsslverify=false\n\
                    [in-conf]\nbaseurl=http://conf.invalid/$basearch\ncost=5\n";
        let repo = "[main]\nskip_if_unavailable=0\n[a-$v]\nbaseurl=http://a.invalid/${v}/$v$n\n  \
                    http://b.invalid/\nexclude=x\nexcludepkgs=y, z\nsslverify=1\n\
                    [b]\nenabled=off\nmetalink=http://m.invalid/?r=$releasever&a=$basearch\n\
                    priority=7\nskip_if_unavailable=False\nincludepkgs=p\n q\n";
        let (conf_at, repos_at) = (dir.path().join("dnf.conf"), dir.path().join("repos"));
        std::fs::create_dir(&repos_at).unwrap();
        std::fs::write(&conf_at, conf).unwrap();
        std::fs::write(repos_at.join("x.repo"), repo).unwrap();
        let script = r#"
import dnf.conf, dnf.conf.read, sys
conf = dnf.conf.Conf()
conf.substitutions.update({"releasever": "3.0", "basearch": "x86_64", "arch": "x86_64", "v": "q"})
conf.config_file_path, conf.reposdir = sys.argv[1], [sys.argv[2]]
conf.read(sys.argv[1])
for r in dnf.conf.read.RepoReader(conf, type("", (), {})()):
    print(r.id, list(r.baseurl), r.metalink, r.enabled, r.repo_gpgcheck, r.sslverify,
          r.skip_if_unavailable, r.priority, r.cost, sorted(r.excludepkgs), list(r.includepkgs))
"#;
        let paths = [&conf_at, &repos_at].map(|path| path.to_str().unwrap());
        let theirs = run("/usr/bin/python3", &["-c", script, paths[0], paths[1]]);
        let mut main = Main::default();
        main.read(conf);
        let read = |text: &str| Parsed::read("x", text, &main, &variables()).sources;
        let sources = read(conf).into_iter().chain(read(repo));
        let python = |truth: bool| if truth { "True" } else { "False" };
        let list = |list: &[String]| format!("{list:?}").replace('"', "'");
        let ours: String = sources
            .map(|mut r| {
                r.excludes.sort();
                let (on, signed, tls) = (r.enabled, r.repo_gpgcheck, r.sslverify);
                let [on, signed, tls, skip] = [on, signed, tls, r.skip_if_unavailable].map(python);
                let metalink = r.metalink.unwrap_or_else(|| "None".into());
                let (urls, not, only) = (list(&r.baseurl), list(&r.excludes), list(&r.includes));
                let (id, first, cost) = (r.id, r.priority, r.cost);
                format!("{id} {urls} {metalink} {on} {signed} {tls} {skip} {first} {cost} {not} {only}\n")
            })
            .collect();
        assert_eq!(ours, theirs);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\[|\\]|=|baseurl|\\$|\\{|\\}|v|enabled|main|ä|[ \n,;#]){0,40}") {
            read(&text);
        }
    }
}
