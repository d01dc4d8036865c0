//! What was typed. Nothing here means anything yet: see `settings.rs`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

const ABOUT: &str = "Patch the operating-system packages of container images: \
no daemon, no root, no emulation";

const AFTER_HELP: &str = "\
Exit status:
  0    patched, or nothing to patch
  1    this machine failed: a file, a disk, a bug
  2    bad input: a flag, an image, a report
  3    some packages could not be patched; with --ignore-errors the rest was
  4    not trusted: a signature, a date, a checksum, a digest
  5    a registry or mirror failed, or the time was up
  130  interrupted";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "copa", version, about = ABOUT, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What copa can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Patch one image: the same layers and one more
    #[command(after_help = PATCH_HELP, args_override_self = true)]
    Patch(Box<Patch>),
}

const PATCH_HELP: &str = "\
Images are written as skopeo writes them:
  docker.io/library/nginx:1.27    127.0.0.1:5000/app@sha256:…    in a registry
  oci:DIR[:TAG]                   an OCI image layout
  oci-archive:FILE[:TAG]          the same in a tar file
  docker-archive:FILE[:NAME:TAG]  what `docker save` writes

Examples:
  copa patch -i registry.example/team/app:1.0 -r trivy.json -t 1.0-patched --push
  copa patch -i oci:./image:1.0 --to oci-archive:patched.tar     everything that has an update
  copa patch -i oci:./image:1.0 --dry-run                        the plan, and nothing else
  copa patch -i oci:./image:1.0 --mirror debian=file:///srv/mirror/debian   in an air gap

Every flag can also be given as an environment variable: COPA_ and its name, as in
COPA_IGNORE_ERRORS=true; and in a TOML file, by its name (see --config).";

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProgressStyle {
    /// Bars on a terminal, lines elsewhere
    Auto,
    /// Bars
    Tty,
    /// One line a step
    Plain,
    /// Nothing
    Quiet,
}

/// The vulnerability document that `--output` is reserved for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VexFormat {
    Openvex,
}

/// `copa patch`.
#[derive(Debug, Args)]
pub(crate) struct Patch {
    /// The image to patch
    #[arg(short, long, env = "COPA_IMAGE")]
    pub(crate) image: Option<String>,

    /// A vulnerability report of the image (Trivy JSON); without it, everything that has an
    /// update is updated
    #[arg(short, long, value_name = "FILE", env = "COPA_REPORT")]
    pub(crate) report: Option<PathBuf>,

    /// The tag of the patched image, or a whole reference
    #[arg(short, long, env = "COPA_TAG")]
    pub(crate) tag: Option<String>,

    /// What is put behind the image's own tag when --tag is not given [default: patched]
    #[arg(long, value_name = "SUFFIX", env = "COPA_TAG_SUFFIX")]
    pub(crate) tag_suffix: Option<String>,

    /// Push the patched image to the registry that --tag names, or the image's own
    #[arg(short, long, env = "COPA_PUSH", value_parser = BoolishValueParser::new())]
    pub(crate) push: bool,

    /// Write the patched image here [default, without --push: oci-archive:NAME-TAG.tar]
    #[arg(long, value_name = "DEST", env = "COPA_TO")]
    pub(crate) to: Option<String>,

    /// The same as --to oci:DIR
    #[arg(long, value_name = "DIR", env = "COPA_OCI_DIR", conflicts_with = "to")]
    pub(crate) oci_dir: Option<PathBuf>,

    /// What the patched image says that it was made from (its annotation
    /// org.opencontainers.image.base.name) [default: the reference of an image in a registry]
    #[arg(long, value_name = "REFERENCE", env = "COPA_BASE_NAME")]
    pub(crate) base_name: Option<String>,

    /// The platform to patch, for example linux/arm64 [default: the only one, or the host's]
    #[arg(long, value_name = "OS/ARCH", env = "COPA_PLATFORM")]
    pub(crate) platform: Option<String>,

    /// The distribution and release, when the image does not tell: debian:12
    #[arg(long, value_name = "ID:RELEASE", env = "COPA_OS")]
    pub(crate) os: Option<String>,

    /// Where packages come from: debian=URL, debian-security=URL, azurelinux=URL, fedora=URL and
    /// so on; http, https, file: or a folder.
    /// Can be repeated [default: the image's own sources, then the host's, then the archive]
    #[arg(long, value_name = "NAME=URL", env = "COPA_MIRROR", value_delimiter = ',')]
    pub(crate) mirror: Vec<String>,

    /// OpenPGP keys that may sign the mirror's metadata, in place of the distribution's
    #[arg(long, value_name = "FILE", env = "COPA_KEYRING", value_delimiter = ',')]
    pub(crate) keyring: Vec<PathBuf>,

    /// The moment of the built-in archive mirror to use, as 20261123T000000Z [default: now]
    #[arg(long, value_name = "TIMESTAMP", env = "COPA_SNAPSHOT")]
    pub(crate) snapshot: Option<String>,

    /// Use metadata that is not signed. Whoever is between you and the mirror can then put
    /// anything into the image
    #[arg(long, env = "COPA_ALLOW_UNSIGNED", value_parser = BoolishValueParser::new())]
    pub(crate) allow_unsigned: bool,

    /// Use metadata that has expired or is older than what was seen before
    #[arg(long, env = "COPA_ALLOW_EXPIRED", value_parser = BoolishValueParser::new())]
    pub(crate) allow_expired: bool,

    /// Patch the rest when some packages cannot be patched
    #[arg(long, env = "COPA_IGNORE_ERRORS", value_parser = BoolishValueParser::new())]
    pub(crate) ignore_errors: bool,

    /// Refuse packages with scripts whose effect copa neither carries out nor knows to be
    /// meaningless in an image. Scripts never run; without this flag such ones are warnings
    #[arg(long, env = "COPA_REFUSE_SCRIPTS", value_parser = BoolishValueParser::new())]
    pub(crate) refuse_scripts: bool,

    /// Print the plan and write nothing
    #[arg(long, env = "COPA_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub(crate) dry_run: bool,

    /// Print the result as JSON
    #[arg(long, env = "COPA_JSON", value_parser = BoolishValueParser::new())]
    pub(crate) json: bool,

    /// How progress is shown on standard error [default: auto]
    #[arg(long, value_name = "STYLE", env = "COPA_PROGRESS")]
    pub(crate) progress: Option<ProgressStyle>,

    /// Say more on standard error; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count, env = "COPA_VERBOSE")]
    pub(crate) verbose: u8,

    /// The longest that it may take: 90s, 5m, 1h [default: 5m]
    #[arg(long, value_name = "TIME", env = "COPA_TIMEOUT", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,

    /// How many things are done at once [default: 8, at most]
    #[arg(short, long, value_name = "N", env = "COPA_JOBS")]
    pub(crate) jobs: Option<usize>,

    /// Settings, in TOML: the flags by their names [default: copa/config.toml in the user's
    /// configuration directory]
    #[arg(long, value_name = "FILE", env = "COPA_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Where parsed indexes, layer indexes and packages are kept between runs
    /// [default: copa in the user's cache directory]
    #[arg(long, value_name = "DIR", env = "COPA_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Keep nothing between runs
    #[arg(long, env = "COPA_NO_CACHE", value_parser = BoolishValueParser::new())]
    pub(crate) no_cache: bool,

    /// Registry credentials [default: those of docker login and podman login]
    #[arg(long, value_name = "FILE", env = "COPA_AUTHFILE")]
    pub(crate) authfile: Option<PathBuf>,

    /// Certificates of a private authority, in PEM, trusted besides the public ones
    #[arg(long, value_name = "FILE", env = "COPA_CA_FILE", value_delimiter = ',')]
    pub(crate) ca_file: Vec<PathBuf>,

    /// Speak plain HTTP to the registry. Registries on this machine need no flag
    #[arg(long, env = "COPA_PLAIN_HTTP", value_parser = BoolishValueParser::new())]
    pub(crate) plain_http: bool,

    /// Reserved for the VEX document
    #[arg(short, long, value_name = "FILE", env = "COPA_OUTPUT", hide = true)]
    pub(crate) output: Option<PathBuf>,

    /// Reserved for the format of the VEX document
    #[arg(short, long, value_enum, env = "COPA_FORMAT", hide = true)]
    pub(crate) format: Option<VexFormat>,

    /// The scanner that wrote the report
    #[arg(short, long, env = "COPA_SCANNER", hide = true)]
    pub(crate) scanner: Option<String>,

    /// Copacetic's address of BuildKit
    #[arg(short, long, hide = true)]
    pub(crate) addr: Option<String>,

    /// Copacetic's image loader
    #[arg(short, long, hide = true)]
    pub(crate) loader: Option<String>,

    /// Copacetic's working folder
    #[arg(short, long, hide = true)]
    pub(crate) working_folder: Option<PathBuf>,
}

/// Reads `90s`, `5m`, `1h`, `1h30m`, or a bare number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "expected a time such as 90s, 5m or 1h".to_owned())?;
    span.try_into().map_err(|_| "a time cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_shown_flag_has_its_variable() {
        let command = Cli::command();
        let patch = command.find_subcommand("patch").unwrap();
        for arg in patch.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help")
        {
            let name = arg.get_id().as_str().to_uppercase();
            let variable = arg.get_env().map(|v| v.to_string_lossy().into_owned());
            assert_eq!(variable, Some(format!("COPA_{name}")));
        }
    }

    #[test]
    fn the_last_flag_wins_and_lists_add_up() {
        let line = "copa patch -i a -i b --mirror debian=x --mirror debian-security=y,debian=z";
        let Command::Patch(args) = Cli::parse_from(line.split(' ')).command;
        assert_eq!(args.image.as_deref(), Some("b"));
        assert_eq!(args.mirror, ["debian=x", "debian-security=y", "debian=z"]);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5400), ("7", 7)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "x", "-5m", "5 parsecs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
