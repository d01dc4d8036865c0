//! `.repo` files: `yum.conf(5)`, `dnf.conf(5)`.

use std::collections::BTreeMap;

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
    /// Whether the certificate of its server counts.
    pub(crate) sslverify: bool,
    pub(crate) skip_if_unavailable: bool,
    pub(crate) module_hotfixes: bool,
    /// Whether packages have to be signed. This program always wants that; see the notes.
    pub(crate) gpgcheck: bool,
}

/// What a file says: repositories, and what of it is not understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The repositories, in their order.
    pub(crate) sources: Vec<Source>,
    /// What `[main]` excludes everywhere.
    pub(crate) excludes: Vec<String>,
    /// What was passed over, and why.
    pub(crate) notes: Vec<String>,
}

/// `$releasever`, `$basearch` and whatever else may stand in a `.repo` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables(pub(crate) BTreeMap<String, String>);

/// The most sections of a file that are read.
const MOST: usize = 1000;

/// The options of a section.
type Options = BTreeMap<String, String>;

impl Parsed {
    /// Reads a file; `name` names it in notes.
    pub(crate) fn read(name: &str, text: &str, variables: &Variables) -> Self {
        let mut parsed = Self::default();
        for (id, options) in sections(text) {
            let get = |key: &str| options.get(key).map(|value| variables.fill(value));
            if id == "main" {
                parsed.excludes.extend(list(get("excludepkgs").or_else(|| get("exclude"))));
                continue;
            }
            let source = Source::of(&id, &get);
            let placed = !source.baseurl.is_empty()
                || source.mirrorlist.is_some()
                || source.metalink.is_some();
            if !placed && source.enabled {
                let reason = "it has no baseurl, mirrorlist or metalink";
                parsed.notes.push(format!("{name}: [{id}] passed over: {reason}"));
            } else {
                parsed.sources.push(source);
            }
        }
        parsed
    }
}

impl Source {
    fn of(id: &str, get: &dyn Fn(&str) -> Option<String>) -> Self {
        let is = |key: &str, otherwise: bool| get(key).map_or(otherwise, |text| truth(&text));
        Self {
            id: id.to_owned(),
            baseurl: list(get("baseurl")),
            mirrorlist: get("mirrorlist").filter(|text| !text.is_empty()),
            metalink: get("metalink").filter(|text| !text.is_empty()),
            enabled: is("enabled", true),
            repo_gpgcheck: is("repo_gpgcheck", false),
            gpgkey: list(get("gpgkey")),
            excludes: list(get("excludepkgs").or_else(|| get("exclude"))),
            includes: list(get("includepkgs")),
            priority: get("priority").and_then(|text| text.parse().ok()).unwrap_or(99),
            sslverify: is("sslverify", true),
            skip_if_unavailable: is("skip_if_unavailable", false),
            module_hotfixes: is("module_hotfixes", false),
            gpgcheck: is("gpgcheck", true),
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

fn list(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
    words.map(Into::into).collect()
}

fn truth(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on" | "enabled")
}

impl Variables {
    /// The text with `$name` and `${name}` filled in. What has no value stays as it is.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            filled.push_str(before);
            let (name, length) = name(after.get(1..).unwrap_or_default());
            match self.0.get(name) {
                Some(value) if !name.is_empty() => {
                    filled.push_str(value);
                    rest = after.get(1 + length..).unwrap_or_default();
                }
                _ => {
                    filled.push('$');
                    rest = after.get(1..).unwrap_or_default();
                }
            }
        }
        filled + rest
    }
}

/// The name of a variable at the start of the text, and how much of the text it takes.
fn name(text: &str) -> (&str, usize) {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let braced = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    if let Some((name, _)) = braced.filter(|(name, _)| name.chars().all(legal)) {
        return (name, name.len() + 2);
    }
    let end = text.find(|c| !legal(c)).unwrap_or(text.len());
    text.split_at_checked(end).map_or(("", 0), |(name, _)| (name, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> Variables {
        let all = [("releasever", "3.0"), ("basearch", "x86_64"), ("arch", "x86_64"), ("v", "q")];
        Variables(all.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect())
    }

    fn read(text: &str) -> Parsed {
        Parsed::read("x.repo", text, &variables())
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
            "[main]\nexcludepkgs=kernel*, a\n# comment\n[b]\nbaseurl = http://a.invalid/${v}/$v\n\
             \thttp://b.invalid/$unknown\nenabled = no\npriority=10\nexclude=x y\nincludepkgs=z\n\
             module_hotfixes=1\n; comment\n[c]\nmetalink=https://m.invalid/?a=$basearch&b=1\n\
             gpgcheck=0\n[d]\nmirrorlist=https://l.invalid/\nsslverify=0\n[e]\nname=nowhere\n",
        );
        assert_eq!(parsed.excludes, ["kernel*", "a"]);
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
            parsed.notes,
            ["x.repo: [e] passed over: it has no baseurl, mirrorlist or metalink"]
        );
    }

    #[test]
    fn variables_are_filled_in() {
        for (text, wanted) in [
            ("a$v", "aq"),
            ("$v$v-${v}x", "qq-qx"),
            ("$", "$"),
            ("${", "${"),
            ("${v", "${v"),
            ("$vv/$v.", "$vv/q."),
            ("${v:-x}", "${v:-x}"),
            ("$ä", "$ä"),
        ] {
            assert_eq!(variables().fill(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\[|\\]|=|baseurl|\\$|\\{|\\}|v|enabled|main|ä|[ \n,;#]){0,40}") {
            read(&text);
            variables().fill(&text);
        }
    }
}
