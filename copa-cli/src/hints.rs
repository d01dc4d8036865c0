//! This file turns the libraries' hints into sentences that name the program's flags.

use copa_core::{Hint, oci, pkg};

/// A hint as one line, with the flag that it takes.
pub(crate) fn text(hint: &Hint) -> Option<String> {
    match hint {
        Hint::Image(hint) => image(hint),
        Hint::Package(hint) => package(*hint),
        Hint::MakeReport => {
            Some("make it with: trivy image --format json --output FILE IMAGE".into())
        }
        Hint::ScanAgain => {
            Some("scan the image that is to be patched, after its last rebuild".into())
        }
        Hint::IgnoreErrors => Some("patch the others with --ignore-errors".into()),
        _ => None,
    }
}

fn image(hint: &oci::Hint) -> Option<String> {
    Some(match hint {
        oci::Hint::LogIn { host } => format!(
            "log in to {host} with docker login, podman login or skopeo login, or name \
             credentials with --authfile FILE"
        ),
        oci::Hint::AddCertificate => "its certificate was issued by somebody unknown: add the \
                                      issuer's CA certificate with --ca-file FILE"
            .into(),
        oci::Hint::AllowPlainHttp => {
            "it does not speak TLS: allow plain HTTP for it with --plain-http".into()
        }
        _ => return None,
    })
}

fn package(hint: pkg::Hint) -> Option<String> {
    let text = match hint {
        pkg::Hint::NameMirror { name } => {
            return Some(format!("name a mirror of it: --mirror {name}=URL"));
        }
        pkg::Hint::NameSystem => "name it, for example --os debian:12",
        pkg::Hint::NameKeys => {
            "name the right public keys with --keyring FILE, or another mirror with --mirror \
             NAME=URL; only for a mirror whose content you can vouch for: --allow-unsigned"
        }
        pkg::Hint::CheckMirror => {
            "check the address of the mirror (--mirror NAME=URL) and the name of the suite"
        }
        pkg::Hint::CheckClock => "check this machine's clock",
        pkg::Hint::Expired => {
            "the mirror is no longer updated, or somebody holds updates back: name another mirror \
             with --mirror NAME=URL, or allow expired metadata with --allow-expired"
        }
        pkg::Hint::RolledBack => {
            "the mirror went back in time, or somebody replays an old state: name another mirror \
             with --mirror NAME=URL, or allow expired metadata with --allow-expired"
        }
        pkg::Hint::TryAgain => {
            "the mirror or something on the way to it altered the file, or the mirror was being \
             updated: try again, or name another with --mirror NAME=URL"
        }
        pkg::Hint::OtherMirror => {
            "the mirror offers one package under the name of another: name another mirror with \
             --mirror NAME=URL"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn all() -> Vec<String> {
        let packages = [
            pkg::Hint::NameMirror { name: "debian" },
            pkg::Hint::NameSystem,
            pkg::Hint::NameKeys,
            pkg::Hint::CheckMirror,
            pkg::Hint::CheckClock,
            pkg::Hint::Expired,
            pkg::Hint::RolledBack,
            pkg::Hint::TryAgain,
            pkg::Hint::OtherMirror,
        ];
        let images = [
            oci::Hint::LogIn { host: "registry.example".into() },
            oci::Hint::AddCertificate,
            oci::Hint::AllowPlainHttp,
        ];
        let own = [Hint::ScanAgain, Hint::IgnoreErrors];
        let hints = packages.map(Hint::Package).into_iter().chain(images.map(Hint::Image));
        hints.chain(own).map(|hint| text(&hint).unwrap()).collect()
    }

    #[test]
    fn every_flag_that_a_hint_names_is_there() {
        let command = Cli::command();
        let patch = command.find_subcommand("patch").unwrap();
        let flags: Vec<&str> = patch.get_arguments().filter_map(|arg| arg.get_long()).collect();
        let mut named = 0;
        for text in all() {
            let words = text.split([' ', ',', ';', ')', '(']);
            for flag in words.filter_map(|word| word.strip_prefix("--")) {
                assert!(flags.contains(&flag), "--{flag} in: {text}");
                named += 1;
            }
        }
        assert!(named >= 10, "{named}");
        assert!(text(&Hint::MakeReport).unwrap().starts_with("make it with: trivy image"));
    }
}
