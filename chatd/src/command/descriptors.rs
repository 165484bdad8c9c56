use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process opens apart from connections: the database, the log, the listener, and some to spare.
const OTHERS: u64 = 128;

/// How many connections can be served: as many as wished, unless the process may not have so many descriptors. Where the
/// system allows more than it gives at first, more is asked for. Beyond the limit accepting fails, and so does everything
/// else that opens a file.
pub(super) fn connections(wished: usize) -> usize {
    let needed = wished as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let most = |soft: Option<u64>| soft.unwrap_or(u64::MAX);
    if most(limit.current) >= needed {
        return wished;
    }
    let raised = needed.min(most(limit.maximum));
    let wider = Rlimit { current: Some(raised), maximum: limit.maximum };
    let given = setrlimit(Resource::Nofile, wider).map_or(most(limit.current), |()| raised);
    if given >= needed {
        return wished;
    }
    let connections = usize::try_from(given.saturating_sub(OTHERS)).unwrap_or(wished).max(1);
    tracing::warn!(wished, connections, "fewer connections than limits.connections: raise the limit of open files");
    connections
}
