//! What the arguments mean, together with the settings file, the environment and the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use copa_core::jiff::Timestamp;
use copa_core::oci::{Access, CredentialFiles, Http, HttpOptions, Location, ProxyOptions};
use copa_core::pkg::Mirror;
use copa_core::url::Url;
use copa_core::{Config as Shared, Job, Report, Wanted};

use crate::args::{Patch, ProgressStyle};
use crate::config::Config;
use crate::destination::{self, Destinations};
use crate::environment::{self, Environment};

/// Everything that a run needs, and nothing that has to be looked up any more.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) destinations: Destinations,
    /// The configuration of the patcher, which all its jobs share.
    pub(crate) shared: Shared,
    /// The image to patch.
    pub(crate) job: Job,
    pub(crate) access: Access,
    pub(crate) timeout: Duration,
    pub(crate) dry_run: bool,
    pub(crate) json: bool,
    /// Flags that mean nothing here, said once.
    pub(crate) remarks: Vec<String>,
}

/// Reads the settings file that the arguments name, or the user's.
pub(crate) fn config(args: &Patch, env: &Environment) -> anyhow::Result<Config> {
    Config::load(args.config.as_deref(), env.config_file().as_deref())
}

/// How progress is shown: needed before anything else can go wrong.
pub(crate) fn progress(args: &Patch, config: &Config) -> ProgressStyle {
    args.progress.or(config.progress).unwrap_or(ProgressStyle::Auto)
}

impl Settings {
    pub(crate) fn new(args: Patch, config: Config, env: &Environment) -> anyhow::Result<Self> {
        refuse_reserved(&args)?;
        let image = image(&args, &config)?;
        let suffix = args.tag_suffix.as_deref().or(config.tag_suffix.as_deref());
        let suffix = suffix.filter(|suffix| !suffix.is_empty()).unwrap_or("patched");
        let tag = args.tag.as_deref().or(config.tag.as_deref());
        let destinations = destination::decide(&args, &image, tag, suffix)?;
        Ok(Self {
            job: job(&args, &config, env, &image, &destinations)?,
            shared: shared(&args, &config, env)?,
            access: access(&args, &config, env)?,
            timeout: timeout(&args, &config)?,
            remarks: remarks(&args),
            dry_run: args.dry_run,
            json: args.json,
            destinations,
        })
    }
}

fn refuse_reserved(args: &Patch) -> anyhow::Result<()> {
    if args.output.is_some() || args.format.is_some() {
        bail!(
            "--output and --format are reserved for the VEX document, which copa does not write yet"
        );
    }
    match args.scanner.as_deref() {
        None | Some("trivy") => Ok(()),
        Some(other) => bail!("reports of the scanner `{other}` cannot be read yet: use Trivy's"),
    }
}

/// Copacetic's flags for BuildKit and Docker are taken, so that its command lines go on working.
fn remarks(args: &Patch) -> Vec<String> {
    let ignored = [
        ("--addr", args.addr.is_some(), "there is no BuildKit"),
        ("--loader", args.loader.is_some(), "nothing is loaded; see --to and --push"),
        ("--working-folder", args.working_folder.is_some(), "nothing is extracted"),
    ];
    let given = ignored.into_iter().filter(|(_, given, _)| *given);
    given.map(|(flag, _, why)| format!("{flag} has no effect: {why}")).collect()
}

fn image(args: &Patch, config: &Config) -> anyhow::Result<Location> {
    let image = args.image.as_ref().or(config.image.as_ref());
    let image = image.context("no image: name it with --image")?;
    Ok(image.parse()?)
}

/// The report is read before anything is fetched: a mistake in it shows at once.
fn report(path: Option<&PathBuf>) -> anyhow::Result<Option<Report>> {
    const LIMIT: u64 = 256 << 20;
    let Some(path) = path else { return Ok(None) };
    let about = || format!("report {}", path.display());
    let meta = fs::metadata(path).with_context(about)?;
    if meta.is_dir() {
        bail!("{} is a folder: name one report, of the platform that is patched", about());
    }
    if meta.len() > LIMIT {
        bail!("{} is larger than 256 MiB", about());
    }
    let bytes = fs::read(path).with_context(about)?;
    Ok(Some(Report::parse(&bytes).with_context(about)?))
}

/// Builds the configuration of the patcher from arguments, settings file and environment.
fn shared(args: &Patch, config: &Config, env: &Environment) -> anyhow::Result<Shared> {
    let mut shared = Shared::new(environment::now());
    shared.jobs = jobs(args.jobs.or(config.jobs))?;
    shared.mirrors = mirrors(args, config)?;
    shared.host_sources = environment::host_sources();
    let keyrings = if args.keyring.is_empty() { &config.keyring } else { &args.keyring };
    shared.keyring = keyring(keyrings)?.map(Into::into);
    shared.allow_unsigned = args.allow_unsigned || config.allow_unsigned;
    shared.allow_expired = args.allow_expired || config.allow_expired;
    let snapshot = args.snapshot.as_ref().or(config.snapshot.as_ref());
    shared.snapshot = snapshot.map(|text| moment(text)).transpose()?;
    shared.cache_dir = cache_dir(args, config, env);
    Ok(shared)
}

/// The image to patch, and what is wanted of it.
fn job(
    args: &Patch,
    config: &Config,
    env: &Environment,
    image: &Location,
    destinations: &Destinations,
) -> anyhow::Result<Job> {
    let mut job = Job::new(image.clone());
    job.to = destinations.places.iter().cloned().map(Into::into).collect();
    if let Some(report) = report(args.report.as_ref().or(config.report.as_ref()))? {
        job.wanted = Wanted::Report(Arc::new(report));
    }
    job.created = env.source_date()?;
    let platform = args.platform.as_ref().or(config.platform.as_ref());
    job.platform = platform.map(|text| text.parse()).transpose().context("--platform")?;
    let os = args.os.as_ref().or(config.os.as_ref());
    job.os = os.map(|text| text.parse()).transpose().context("--os")?;
    job.ignore_errors = args.ignore_errors || config.ignore_errors;
    job.refuse_scripts = args.refuse_scripts || config.refuse_scripts;
    job.base_name.clone_from(&args.base_name);
    job.tag = destinations.places.last().map(|place| place.name().to_owned());
    Ok(job)
}

fn jobs(jobs: Option<usize>) -> anyhow::Result<usize> {
    match jobs {
        Some(0) => bail!("--jobs 0: at least one thing has to be done at a time"),
        Some(jobs) => Ok(jobs.min(64)),
        None => Ok(std::thread::available_parallelism().map_or(4, |n| n.get().clamp(4, 8))),
    }
}

fn cache_dir(args: &Patch, config: &Config, env: &Environment) -> Option<PathBuf> {
    if args.no_cache || config.no_cache {
        return None;
    }
    args.cache_dir.clone().or_else(|| config.cache_dir.clone()).or_else(|| env.cache_dir())
}

/// Mirrors by name. One given by a flag replaces those of the settings file, all of them.
fn mirrors(args: &Patch, config: &Config) -> anyhow::Result<Vec<Mirror>> {
    let given = if args.mirror.is_empty() { config.mirrors() } else { args.mirror.clone() };
    given.iter().map(|text| mirror(text).with_context(|| format!("--mirror {text}"))).collect()
}

/// `NAME=URL`, or `NAME=FOLDER`.
fn mirror(text: &str) -> anyhow::Result<Mirror> {
    match text.split_once('=') {
        Some((name, place)) if Url::parse(place).is_err() => {
            let folder = fs::canonicalize(place).with_context(|| format!("folder {place}"))?;
            Ok(Mirror::folder(name, &folder)?)
        }
        _ => Ok(text.parse()?),
    }
}

/// `20261123T000000Z`, as Debian's timestamped archive writes it, or RFC 3339.
fn moment(text: &str) -> anyhow::Result<Timestamp> {
    let compact = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", text)
        .and_then(|parts| parts.to_datetime())
        .and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC))
        .map(|zoned| zoned.timestamp());
    compact
        .or_else(|_| text.parse())
        .with_context(|| format!("--snapshot `{text}`: expected a moment such as 20261123T000000Z"))
}

/// All keyrings in one: OpenPGP certificates can be put one behind the other, armored ones too.
fn keyring(files: &[PathBuf]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    for file in files {
        all.extend(read(file).with_context(|| format!("keyring {}", file.display()))?);
    }
    Ok((!files.is_empty()).then_some(all))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    const LIMIT: u64 = 16 << 20;
    if fs::metadata(path)?.len() > LIMIT {
        bail!("larger than 16 MiB");
    }
    Ok(fs::read(path)?)
}

fn access(args: &Patch, config: &Config, env: &Environment) -> anyhow::Result<Access> {
    let files = if args.ca_file.is_empty() { &config.ca_file } else { &args.ca_file };
    let files = files.iter().cloned().chain(env.ca_file());
    let proxies = env.proxies();
    let mut http = HttpOptions::default();
    for file in files {
        http.ca_certificates.push(read(&file).with_context(|| format!("{}", file.display()))?);
    }
    http.proxy =
        ProxyOptions { http: proxies.http, https: proxies.https, no_proxy: proxies.none_for };
    let named = args.authfile.clone().or_else(|| config.authfile.clone());
    let credentials = named.map_or_else(|| env.credential_files(), |file| vec![file]);
    Ok(Access {
        http: Http::new(&http)?,
        credentials: Arc::new(CredentialFiles::new(credentials)),
        plain_http: args.plain_http || config.plain_http,
    })
}

fn timeout(args: &Patch, config: &Config) -> anyhow::Result<Duration> {
    const DEFAULT: Duration = Duration::from_secs(300);
    let configured = config.timeout.as_deref().map(crate::args::duration).transpose();
    let configured = configured.map_err(|error| anyhow::anyhow!("timeout: {error}"))?;
    Ok(args.timeout.or(configured).unwrap_or(DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_urls_or_folders() {
        let url = "debian=https://m.example/debian";
        assert_eq!(mirror(url).unwrap().to_string(), url);
        let folder = tempfile::tempdir().unwrap();
        let text = format!("debian={}", folder.path().display());
        assert_eq!(mirror(&text).unwrap().url.scheme(), "file");
        for (text, word) in [
            ("https://m", "NAME=URL"),
            ("debian=ftp://m", "http"),
            ("debian=no/such/folder", "no/such/folder"),
        ] {
            let error = format!("{:#}", mirror(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn moments_are_read_as_the_archive_writes_them() {
        let expected: Timestamp = "2026-11-23T01:02:03Z".parse().unwrap();
        for text in ["20261123T010203Z", "2026-11-23T01:02:03Z"] {
            assert_eq!(moment(text).unwrap(), expected);
        }
        assert!(moment("yesterday").is_err());
    }
}
