//! Where the patched image goes, and under which name.

use std::path::PathBuf;

use anyhow::{Context, bail};
use copa_core::oci::{Location, Reference};

use crate::args::Patch;

/// Where the patched image is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destinations {
    /// Each place, with the tag it gets there. The registry comes last: when a file cannot be
    /// written, no tag has moved.
    pub(crate) places: Vec<Location>,
    /// Nobody said where: an archive was chosen, and the summary says what to do with it.
    pub(crate) chosen: bool,
}

/// Decides where to write: `--push`, `--to`, both, or an archive in the working directory.
pub(crate) fn decide(
    args: &Patch,
    image: &Location,
    tag: Option<&str>,
    suffix: &str,
) -> anyhow::Result<Destinations> {
    let target = target(image, tag, suffix)?;
    let mut places = Vec::new();
    let to = args.oci_dir.as_ref().map(|dir| format!("oci:{}", dir.display()));
    if let Some(to) = args.to.clone().or(to) {
        places.push(written_to(&to, &target)?);
    }
    if args.push {
        let Some(registry) = target.registry.clone() else {
            bail!(
                "--push needs a registry, and {image} is in none: give the whole reference, \
                 --tag HOST/REPOSITORY:TAG"
            );
        };
        places.push(registry);
    }
    let chosen = places.is_empty();
    if chosen {
        let file = PathBuf::from(format!("{}-{}.tar", target.stem, target.tag));
        places.push(Location::OciArchive(file, Some(target.tag)));
    }
    Ok(Destinations { places, chosen })
}

/// The name of the patched image.
struct Target {
    tag: String,
    /// What a file of it is called.
    stem: String,
    registry: Option<Location>,
}

fn target(image: &Location, tag: Option<&str>, suffix: &str) -> anyhow::Result<Target> {
    let stem = stem(image);
    if let Some(reference) = tag.filter(|tag| tag.contains([':', '@', '/'])) {
        let location: Location = reference.parse().context("--tag")?;
        let Location::Registry(parsed) = &location else {
            bail!("--tag {reference} is not a tag and not a registry reference; see --to");
        };
        let tag = parsed.tag().with_context(|| format!("--tag {reference} has no tag"))?;
        return Ok(Target { tag: tag.to_owned(), stem, registry: Some(location.clone()) });
    }
    let tag = match tag {
        Some(tag) => tag.to_owned(),
        None => suffixed(image, suffix)?,
    };
    check(&tag)?;
    let registry = matches!(image, Location::Registry(_)).then(|| image.with_name(&tag));
    Ok(Target { tag, stem, registry })
}

/// The image's own tag with the suffix behind it: Copacetic's rule.
fn suffixed(image: &Location, suffix: &str) -> anyhow::Result<String> {
    let own = match image {
        Location::Registry(reference) => reference.tag().unwrap_or_default(),
        other => other.name().rsplit(':').next().unwrap_or_default(),
    };
    match image {
        Location::Registry(_) if own.is_empty() => {
            bail!("{image} has no tag to put `-{suffix}` behind: name the new one with --tag")
        }
        _ if own.is_empty() => Ok(suffix.to_owned()),
        _ => Ok(format!("{own}-{suffix}")),
    }
}

fn check(tag: &str) -> anyhow::Result<()> {
    if !Reference::is_tag(tag) {
        bail!("`{tag}` is not a tag: letters, digits, `_`, `.` and `-`, 128 at most");
    }
    Ok(())
}

/// The place that `--to` names; it gets the target's tag unless it names one.
fn written_to(to: &str, target: &Target) -> anyhow::Result<Location> {
    let location: Location = to.parse().context("--to")?;
    Ok(match &location {
        Location::Registry(_) => location,
        Location::DockerArchive(_, None) => {
            location.with_name(&format!("{}:{}", target.stem, target.tag))
        }
        named if named.name().is_empty() => named.with_name(&target.tag),
        _ => location,
    })
}

/// What a file that holds the image is called: the last part of the repository or the file name.
fn stem(image: &Location) -> String {
    let last = match image {
        Location::Registry(reference) => {
            reference.repository().rsplit('/').next().map(str::to_owned)
        }
        Location::OciLayout(path, _)
        | Location::OciArchive(path, _)
        | Location::DockerArchive(path, _) => {
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
        }
        _ => None,
    };
    last.filter(|stem| !stem.is_empty()).unwrap_or_else(|| "image".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::Parser;

    fn decided(flags: &[&str]) -> anyhow::Result<Vec<String>> {
        let crate::args::Command::Patch(args) =
            Cli::parse_from(["copa", "patch"].iter().chain(flags)).command;
        let image = args.image.clone().unwrap().parse().unwrap();
        let destinations = decide(&args, &image, args.tag.as_deref(), "patched")?;
        Ok(destinations.places.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn images_go_where_people_expect_them() {
        for (flags, places) in [
            (&["-i", "r:5000/t/app:1"][..], &["oci-archive:app-1-patched.tar:1-patched"][..]),
            (&["-i", "r:5000/t/app:1", "-p"], &["r:5000/t/app:1-patched"]),
            (&["-i", "r:5000/t/app:1", "-p", "-t", "2"], &["r:5000/t/app:2"]),
            (&["-i", "r:5000/app:1", "-p", "-t", "q:1/b:2"], &["q:1/b:2"]),
            (&["-i", "oci:d:1", "--to", "oci:e"], &["oci:e:1-patched"]),
            (&["-i", "oci:d:1", "--to", "oci:e:x"], &["oci:e:x"]),
            (&["-i", "oci:d", "--oci-dir", "e"], &["oci:e:patched"]),
            (&["-i", "oci:./d/app", "-t", "3"], &["oci-archive:app-3.tar:3"]),
            (
                &["-i", "r:1/a:1", "--push", "--to", "docker-archive:f.tar"],
                &["docker-archive:f.tar:a:1-patched", "r:1/a:1-patched"],
            ),
        ] {
            assert_eq!(decided(flags).unwrap(), places, "{flags:?}");
        }
    }

    #[test]
    fn what_cannot_be_named_is_refused() {
        let digest = format!("r:1/a@sha256:{}", "0".repeat(64));
        for (flags, word) in [
            (&["-i", &digest][..], "--tag"),
            (&["-i", "oci:d:1", "--push"], "registry"),
            (&["-i", "r:1/a:1", "-t", "a b"], "not a tag"),
            (&["-i", "r:1/a:1", "-t", "oci:x:y"], "--to"),
        ] {
            let error = format!("{:#}", decided(flags).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
