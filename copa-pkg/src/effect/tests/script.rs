use proptest::prelude::*;

use super::*;
use crate::effect::commands::LDCACHE;

const UPDATE: Call<'_> =
    Call { arguments: [Some("configure"), Some("1.5-2"), None], is_bash: false };

fn of(script: &str) -> Verdict {
    verdict(script, &UPDATE, Scene { format: Format::Deb, files: None, makes: &|_| false })
}

#[test]
fn a_script_is_what_its_commands_are() {
    let unknown = |why: &str| Verdict::Unknown(why.into());
    for (script, wanted) in [
        ("", Verdict::NoEffect),
        ("set -e\nexit 0\n", Verdict::NoEffect),
        ("ldconfig", Verdict::CarriedOut(LDCACHE)),
        ("rm x; chmod y z", unknown("calls chmod, rm")),
        ("echo x > /etc/x", unknown("writes files")),
        ("rm x > y", unknown("calls rm and writes files")),
        ("echo `x`", unknown("calls what it computes")),
        ("\"$x\" y", unknown("calls what it computes")),
        ("$x y; rm z", unknown("calls rm and 1 more")),
        ("if", unknown("cannot be followed")),
        ("a; b; c; d; e; f; g; h", unknown("calls a, b, c, d, e, f and 2 more")),
        ("adduser --system x", unknown("calls adduser")),
        ("[ \"$1\" = upgrade ] && rm x", Verdict::NoEffect),
        ("dpkg --compare-versions \"$2\" lt 1.5-1 && rm x", Verdict::NoEffect),
        ("dpkg --compare-versions \"$2\" le-nl 1.5-2 && rm x", unknown("calls rm")),
        ("[ -n \"$2\" ] || update-alternatives x", Verdict::NoEffect),
    ] {
        assert_eq!(of(script), wanted, "{script}");
    }
    let scene = Scene { format: Format::Rpm, files: None, makes: &|_| true };
    let made = verdict("ldconfig; useradd x", &UPDATE, scene);
    assert_eq!(made, Verdict::CarriedOut(ACCOUNTS));
}

/// What debhelper adds to the scripts of most packages.
#[test]
fn generated_sections_have_no_effect() {
    for script in [
        r#"if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || [ "$1" = "abort-deconfigure" ] || [ "$1" = "abort-remove" ] ; then
	# The following line should be removed in trixie or trixie+1
	deb-systemd-helper unmask 'x.service' >/dev/null || true

	# was-enabled defaults to true, so new installations run enable.
	if deb-systemd-helper --quiet was-enabled 'x.service'; then
		# Enables the unit on first installation, creates new
		# symlinks on upgrades if the unit file has changed.
		deb-systemd-helper enable 'x.service' >/dev/null || true
	else
		deb-systemd-helper update-state 'x.service' >/dev/null || true
	fi
fi"#,
        r#"if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ]; then
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		if [ -n "$2" ]; then
			_dh_action=restart
		else
			_dh_action=start
		fi
		deb-systemd-invoke $_dh_action 'x.service' >/dev/null || true
	fi
fi"#,
        r#"if [ "$1" = "configure" ]; then
	if [ -x "/etc/init.d/x" ]; then
		update-rc.d x defaults >/dev/null
		if [ -n "$2" ]; then
			_dh_action=restart
		else
			_dh_action=start
		fi
		invoke-rc.d x $_dh_action || exit 1
	fi
fi"#,
        r#"if which py3compile >/dev/null 2>&1; then
	py3compile -p x
fi
if which pypy3compile >/dev/null 2>&1; then
	pypy3compile -p x || true
fi"#,
        r#"dpkg-maintscript-helper rm_conffile /etc/x.conf 1.5-1\~ x -- "$@""#,
        "if test -e /usr/share/debconf/confmodule; then . /usr/share/debconf/confmodule; db_stop; fi",
    ] {
        assert_eq!(of(&format!("#!/bin/sh\nset -e\n{script}\n")), Verdict::NoEffect, "{script}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_never_tells_more_than_a_line(script in "(rm|db_x|echo|[$\"'`;&|(){}<> \n]|[a-z]{1,50}|\\PC){0,30}") {
        if let Verdict::Unknown(why) = of(&script) {
            prop_assert!(why.len() < 400 && !why.contains('\n'), "{}", why);
        }
    }
}
