//! File capabilities: from the text of `cap_from_text(3)` to the value of `security.capability`.

/// `linux/capability.h`, in the order of their numbers.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// `VFS_CAP_REVISION_2`.
const REVISION: u32 = 0x0200_0000;

/// The three sets.
#[derive(Default, Clone, Copy)]
struct Sets {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

/// The attribute, in the second version of its format: 20 bytes. `None` when the text is none, or
/// one that files cannot have: effective is one bit for all.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let mut sets = Sets::default();
    for clause in text.split_whitespace() {
        apply(clause, &mut sets)?;
    }
    let usable = sets.permitted | sets.inheritable;
    if sets.effective != 0 && sets.effective != usable {
        return None;
    }
    let flag = u32::from(sets.effective != 0);
    let low = |set: u64| set as u32;
    let high = |set: u64| (set >> 32) as u32;
    let words = [
        REVISION | flag,
        low(sets.permitted),
        low(sets.inheritable),
        high(sets.permitted),
        high(sets.inheritable),
    ];
    Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

/// `cap_net_raw,cap_net_admin+ep`, `all=`, `=`; several operators may follow each other.
fn apply(clause: &str, sets: &mut Sets) -> Option<()> {
    let at = clause.find(['=', '+', '-'])?;
    let (names, mut rest) = clause.split_at(at);
    let mask = mask(names, rest.starts_with('='))?;
    while let Some(operator) = rest.chars().next() {
        rest = rest.get(1..)?;
        let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
        let (flags, after) = rest.split_at(end);
        rest = after;
        if operator == '=' {
            [&mut sets.effective, &mut sets.permitted, &mut sets.inheritable]
                .into_iter()
                .for_each(|set| *set &= !mask);
        }
        for flag in flags.chars() {
            let set = match flag {
                'e' => &mut sets.effective,
                'p' => &mut sets.permitted,
                'i' => &mut sets.inheritable,
                _ => return None,
            };
            if operator == '-' { *set &= !mask } else { *set |= mask }
        }
    }
    Some(())
}

fn mask(names: &str, may_be_empty: bool) -> Option<u64> {
    let all = (1 << NAMES.len()) - 1;
    if names.is_empty() {
        return may_be_empty.then_some(all);
    }
    names.split(',').try_fold(0, |mask, name| {
        let name = name.to_ascii_lowercase();
        if name == "all" {
            return Some(all);
        }
        let name = name.strip_prefix("cap_")?;
        let known = NAMES.iter().position(|known| *known == name);
        let number = known.or_else(|| name.parse().ok().filter(|number| *number < NAMES.len()))?;
        Some(mask | 1 << number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hexed(text: &str) -> Option<String> {
        encode(text).map(hex::encode)
    }

    #[test]
    fn the_value_is_that_of_the_kernel() {
        for (text, wanted) in [
            // As `setcap` writes them.
            ("cap_net_raw=ep", "0100000200200000000000000000000000000000"),
            ("= cap_net_raw+ep", "0100000200200000000000000000000000000000"),
            ("cap_net_raw+p", "0000000200200000000000000000000000000000"),
            ("cap_net_admin,cap_net_raw=ep", "0100000200300000000000000000000000000000"),
            ("cap_bpf,cap_sys_admin=i", "0000000200000000000020000000000080000000"),
            ("cap_setuid=eip", "0100000280000000800000000000000000000000"),
            ("cap_chown=ep cap_chown-e", "0000000201000000000000000000000000000000"),
        ] {
            assert_eq!(hexed(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "cap_nothing=ep",
            "net_raw=ep",
            "cap_net_raw",
            "cap_net_raw=x",
            "+ep",
            "cap_chown=p cap_kill=ep",
            "cap_99=ep",
        ] {
            assert_eq!(hexed(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(cap_|all|chown|,|[=+-]|[eip]| |9){0,20}") {
            let _ = encode(&text);
        }
    }
}
