//! What is counted, for Prometheus. Labels come from closed lists, never from what people type.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper ends of the buckets of latencies, in seconds.
const LATENCIES: [f64; 14] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// Streams of live events that are open.
    pub(crate) streams: Gauge,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// What is looked at when somebody asks.
    pub(crate) sampled: Sampled,
}

/// What a request was, from closed lists.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

/// How executions ended, from a closed list.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndedLabels {
    status: &'static str,
}

/// Values that are looked up when somebody asks.
#[derive(Default)]
pub(crate) struct Sampled {
    /// Executions that wait for an owner.
    pub(crate) queue_depth: Gauge,
    /// Executions that this process owns.
    pub(crate) leases: Gauge,
    /// Executions that have neither an owner nor a timer nor a wait.
    pub(crate) stuck: Gauge,
    /// Whether the database answered.
    pub(crate) database_up: Gauge,
    started: Counter,
    ended: Family<EndedLabels, Counter>,
    claimed: Counter,
    timers_fired: Counter,
    reaped: Counter,
    quarantined: Counter,
    resident: Gauge,
    files: Gauge,
    processor: Counter<f64, AtomicU64>,
}

fn latencies() -> Histogram {
    Histogram::new(LATENCIES)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("runnel");
        let requests = Family::new_with_constructor(latencies as fn() -> Histogram);
        let (streams, connections) = (Gauge::default(), Gauge::default());
        let sampled = Sampled::default();
        registry.register("http_request_seconds", "How long requests took", requests.clone());
        registry.register("live_streams", "Open streams of live events", streams.clone());
        registry.register("http_connections", "Open connections", connections.clone());
        registry.register("queue_depth", "Executions without an owner", sampled.queue_depth.clone());
        registry.register("leases", "Executions owned by this process", sampled.leases.clone());
        registry.register(
            "stuck_executions",
            "Executions with neither an owner nor a timer nor a wait",
            sampled.stuck.clone(),
        );
        registry.register("database_up", "Whether the database answers", sampled.database_up.clone());
        registry.register("executions_started", "Executions started here", sampled.started.clone());
        registry.register("executions_ended", "Executions that ended here", sampled.ended.clone());
        registry.register("executions_claimed", "Executions taken from the queue", sampled.claimed.clone());
        registry.register("timers_fired", "Timers that came due", sampled.timers_fired.clone());
        registry.register("executions_reaped", "Executions whose owner had died", sampled.reaped.clone());
        registry.register(
            "executions_quarantined",
            "Executions that were ended because they had killed their owners",
            sampled.quarantined.clone(),
        );
        registry.register("process_resident_bytes", "Memory of the process", sampled.resident.clone());
        registry.register("process_open_files", "Open files of the process", sampled.files.clone());
        registry.register("process_cpu_seconds", "Processor time of the process", sampled.processor.clone());
        Self { registry, requests, streams, connections, sampled }
    }

    /// Counts a request. `route` is the template of its path.
    pub(crate) fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let labels = RequestLabels { method: word(method), route: route.to_owned(), status: status.as_u16() };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Adds more to what is given out.
    pub(crate) fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Everything as text.
    pub(crate) fn text(&self) -> String {
        self.sampled.look_at_process();
        let mut text = String::new();
        // Writing into a string fails only when a metric cannot be formatted.
        if let Err(error) = encode(&mut text, &self.registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }
}

impl Sampled {
    /// Takes over what the engine counts.
    pub(crate) fn engine(&self, engine: &engine::engine::Metrics) {
        let set = |counter: &Counter, value: u64| counter.inner().store(value, Ordering::Relaxed);
        set(&self.started, engine.started);
        set(&self.claimed, engine.claimed);
        set(&self.timers_fired, engine.timers_fired);
        set(&self.reaped, engine.reaped);
        set(&self.quarantined, engine.quarantined);
        for (status, value) in
            [("completed", engine.completed), ("failed", engine.failed), ("stopped", engine.stopped)]
        {
            set(&self.ended.get_or_create(&EndedLabels { status }), value);
        }
        self.leases.set(i64::try_from(engine.running).unwrap_or(i64::MAX));
        self.stuck.set(i64::try_from(engine.stuck_executions).unwrap_or(i64::MAX));
    }

    fn look_at_process(&self) {
        let page = 4096;
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        if let Some(pages) = statm.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok()) {
            self.resident.set(pages * page);
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.files.set(i64::try_from(files.count()).unwrap_or(i64::MAX));
        }
        // Fields 14 and 15 in ticks of a hundredth of a second; the name in parentheses may hold spaces.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').skip(11).take(2));
        let ticks: Option<u64> =
            fields.map(|fields| fields.filter_map(|field| field.parse::<u64>().ok()).sum());
        if let Some(ticks) = ticks {
            self.processor.inner().store((ticks as f64 / 100.0).to_bits(), Ordering::Relaxed);
        }
    }
}

fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a31_labels_come_from_closed_lists() {
        let metrics = Metrics::new();
        let method = Method::from_bytes(b"EVIL").expect("a method");
        metrics.request(&method, "/api/v1/workflows/{id}", StatusCode::OK, Duration::from_millis(3));
        let text = metrics.text();
        assert!(!text.contains("EVIL"));
        assert!(text.contains(r#"method="other",route="/api/v1/workflows/{id}",status="200""#), "{text}");
        assert!(text.contains("runnel_process_resident_bytes"));
    }
}
