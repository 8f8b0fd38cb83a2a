//! What the operating system denies the child, besides what the JavaScript runtime does not have.
//!
//! Two independent walls on Linux, so that a hole in the runtime leads nowhere: landlock takes away every file and
//! socket, seccomp every system call but those that memory, time and the two pipes need. Resource limits hold
//! everywhere. What a system lacks is reported, not ignored.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::request::Limits;

/// Address space beyond the JavaScript heap: the program itself and the data in flight.
const ROOM: u64 = 1 << 30;

/// Raises every wall this system has, for the calling process, for good. Returns what is missing.
pub fn raise(limits: &Limits) -> Vec<String> {
    let mut missing = Vec::new();
    let mut note = |wall: &str, result: Result<(), String>| {
        if let Err(error) = result {
            missing.push(format!("{wall}: {error}"));
        }
    };
    // A session of its own: no terminal, no signals meant for the host's group.
    let _ = rustix::process::setsid();
    let room = limits.memory_bytes.saturating_mul(2).saturating_add(ROOM);
    #[cfg(target_os = "linux")]
    note("address space limit", limit(Resource::As, room));
    #[cfg(not(target_os = "linux"))]
    let _ = room;
    note("core dump limit", limit(Resource::Core, 0));
    note("file size limit", limit(Resource::Fsize, 0));
    note("process limit", limit(Resource::Nproc, 0));
    #[cfg(target_os = "linux")]
    {
        note("landlock", linux::landlock());
        note("seccomp", linux::seccomp());
    }
    #[cfg(not(target_os = "linux"))]
    note("landlock and seccomp", Err("this system has neither; code runs with resource limits only".into()));
    missing
}

/// Lets the process use so much more processor time, and ends it beyond. The host ends a step that takes too long; this
/// holds when the host itself was killed and nobody is left to do so.
pub fn allow_cpu(more_ms: u64) {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec.unsigned_abs();
    let soft = used.saturating_add(more_ms.div_ceil(1000)).saturating_add(1);
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(maximum.map_or(soft, |maximum| maximum.min(soft)));
    // A system that refuses leaves the host's own time limit, as before.
    let _ = setrlimit(Resource::Cpu, Rlimit { current, maximum });
}

fn limit(resource: Resource, value: u64) -> Result<(), String> {
    setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
        .map_err(|error| error.to_string())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// Denies every file, every TCP port, and signals to other processes.
    pub(super) fn landlock() -> Result<(), String> {
        let abi = ABI::V6;
        let status = Ruleset::default()
            .handle_access(AccessFs::from_all(abi))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi)))
            .and_then(|ruleset| ruleset.scope(Scope::from_all(abi)))
            .and_then(Ruleset::create)
            .and_then(|ruleset| ruleset.restrict_self())
            .map_err(|error| error.to_string())?;
        match status.ruleset {
            RulesetStatus::FullyEnforced => Ok(()),
            RulesetStatus::PartiallyEnforced => Err("only partly supported by this kernel".into()),
            RulesetStatus::NotEnforced => Err("not supported by this kernel".into()),
        }
    }

    /// Allows memory, time, randomness and the two pipes; everything else fails with `EPERM`.
    pub(super) fn seccomp() -> Result<(), String> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        let argument = |index, operator, value| {
            SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)
                .map_err(|error| error.to_string())
        };
        let rule = |condition| SeccompRule::new(vec![condition]).map_err(|error| error.to_string());
        // Whatever else was inherited by mistake cannot be read or written.
        rules.insert(libc::SYS_read, vec![rule(argument(0, SeccompCmpOp::Eq, 0)?)?]);
        rules.insert(
            libc::SYS_write,
            vec![rule(argument(0, SeccompCmpOp::Eq, 1)?)?, rule(argument(0, SeccompCmpOp::Eq, 2)?)?],
        );
        // Its own processor time, and no other limit of no other process.
        let itself = argument(0, SeccompCmpOp::Eq, 0)?;
        let cpu = argument(1, SeccompCmpOp::Eq, u64::from(libc::RLIMIT_CPU))?;
        let own_cpu = SeccompRule::new(vec![itself, cpu]).map_err(|error| error.to_string())?;
        rules.insert(libc::SYS_prlimit64, vec![own_cpu]);
        // Memory never becomes code.
        let not_code = || rule(argument(2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0)?);
        rules.insert(libc::SYS_mmap, vec![not_code()?]);
        rules.insert(libc::SYS_mprotect, vec![not_code()?]);
        let arch =
            std::env::consts::ARCH.try_into().map_err(|_| "not supported on this processor".to_owned())?;
        let filter =
            SeccompFilter::new(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch)
                .map_err(|error| error.to_string())?;
        let program: BpfProgram =
            filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
        seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
    }

    const ALLOWED: &[i64] = &[
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ];
}
