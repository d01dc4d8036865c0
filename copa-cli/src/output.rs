//! The result on standard output: for a person, or as JSON.

use std::io::Write;
use std::time::Duration;

use copa_core::oci::{Choice, Location, Moved, Written};
use copa_core::pkg::{Request, UpdatePlan, Warning};
use copa_core::{Inspected, Patched};
use serde_json::{Value, json};

use crate::table::{self, bytes};
use crate::terminal;
use crate::warnings;

/// What a run did.
pub(crate) struct Outcome<'a> {
    pub(crate) found: &'a Inspected,
    pub(crate) request: &'a Request,
    pub(crate) plan: &'a UpdatePlan,
    pub(crate) warnings: &'a [Warning],
    /// `None` for a dry run.
    pub(crate) done: Option<Done<'a>>,
    pub(crate) took: Duration,
}

/// What was made and written.
pub(crate) struct Done<'a> {
    pub(crate) patched: &'a Patched,
    pub(crate) written: Vec<(Location, Written)>,
    /// Nobody said where to write to.
    pub(crate) chosen: bool,
}

impl Outcome<'_> {
    /// Prints the result. A reader that went away is not an error.
    pub(crate) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = match as_json {
            true => format!("{:#}\n", self.json()),
            false => terminal::lines(&self.text()),
        };
        match anstream::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading());
        let reasons = self.plan.why_nothing(self.request);
        if reasons.is_empty() {
            text += &format!("\n{}", table::plan(self.plan));
        } else {
            text += "No upgradable packages found:\n";
            text.extend(reasons.iter().map(|reason| format!("  {reason}\n")));
        }
        if let Some(done) = &self.done {
            text += &format!("\n{}", done.text());
        }
        text + &format!("took    {:.2} s\n", self.took.as_secs_f64())
    }

    /// `IMAGE  linux/amd64 (the only one), debian 12`.
    fn heading(&self) -> String {
        let opened = &self.found.opened;
        let why = match opened.chosen {
            Choice::Asked => "as asked for",
            Choice::Only => "the only one",
            Choice::Host => "the host's, of several",
            _ => "chosen",
        };
        let platform = opened.image.platform();
        format!("{}  {platform} ({why}), {}", opened.location, self.found.system.distro)
    }

    fn json(&self) -> Value {
        let opened = &self.found.opened;
        let mut value = json!({
            "image": opened.location.to_string(),
            "platform": opened.image.platform().to_string(),
            "distribution": self.found.system.distro.to_string(),
            "original": opened.image.descriptor().digest,
            "updates": self.plan.updates,
            "removals": self.plan.removals,
            "skipped": self.plan.skipped,
            "reasons": self.plan.why_nothing(self.request),
            "warnings": [],
            "seconds": self.took.as_secs_f64(),
        });
        warnings::add_to(&mut value, self.warnings);
        if let (Some(done), Some(fields)) = (&self.done, value.as_object_mut()) {
            fields.extend(done.json().as_object().cloned().unwrap_or_default());
        }
        value
    }
}

impl Done<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        for kept in &self.patched.kept {
            let path = terminal::line(&kept.path.to_string_lossy());
            text += &format!("kept    {path} ({}: {})\n", kept.package, kept.why);
        }
        if let Some(layer) = &self.patched.layer {
            let size = bytes(layer.descriptor.size);
            text += &format!("layer   {}  {size}\n", layer.descriptor.digest);
        }
        for (place, written) in &self.written {
            text += &format!("image   {}\n", written.manifest.digest);
            text += &format!("written {place}  {}\n", moved(written));
        }
        if let (true, Some((place, _))) = (self.chosen, self.written.first()) {
            text += &next_steps(place);
        }
        text
    }

    fn json(&self) -> Value {
        let written = self.written.iter().map(|(place, written)| {
            json!({
                "location": place.to_string(),
                "digest": written.manifest.digest,
                "bytes_sent": written.bytes_sent,
                "layers_sent": count(written, Moved::Sent),
                "layers_mounted": count(written, Moved::Mounted),
                "layers_present": count(written, Moved::Present),
            })
        });
        let layer = self.patched.layer.as_ref().map(|layer| {
            let descriptor = &layer.descriptor;
            json!({"digest": descriptor.digest, "diff_id": layer.diff_id, "size": descriptor.size})
        });
        let kept = self.patched.kept.iter().map(|kept| {
            let path = kept.path.to_string_lossy();
            json!({"path": path, "package": kept.package, "reason": kept.why.to_string()})
        });
        json!({
            "changed": self.patched.is_changed(),
            "layer": layer,
            "kept": kept.collect::<Vec<_>>(),
            "written": written.collect::<Vec<_>>(),
        })
    }
}

fn count(written: &Written, how: Moved) -> usize {
    written.layers.iter().filter(|(_, moved)| *moved == how).count()
}

/// `(1 layer sent, 13 there already, 3.1 MB)`.
fn moved(written: &Written) -> String {
    let kinds = [
        (Moved::Sent, "sent"),
        (Moved::Mounted, "mounted"),
        (Moved::Present, "there already"),
        (Moved::Foreign, "kept elsewhere"),
    ];
    let counted = kinds.iter().map(|(kind, word)| (count(written, *kind), word));
    let said: Vec<String> =
        counted.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("(layers: {}; {} sent)", said.join(", "), bytes(written.bytes_sent))
}

/// What to do with an archive that nobody asked for by name.
fn next_steps(place: &Location) -> String {
    let Location::OciArchive(file, _) = place else { return String::new() };
    format!(
        "\nTo push it:  skopeo copy {place} docker://REGISTRY/REPOSITORY:{tag}\n\
         To load it:  podman pull {place}\n\
         \x20        or  docker load -i {file}, then docker tag IMAGE REPOSITORY:{tag}\n",
        file = file.display(),
        tag = place.name()
    )
}
