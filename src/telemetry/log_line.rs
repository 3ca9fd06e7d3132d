//! Formats log lines as text or JSON, with the ids of the request and the trace in which they are written.

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::console::{self, Escaping};

/// Formats an event as one line.
#[derive(Debug, Clone, Copy)]
pub struct LogLine {
    pub is_text: bool,
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let time = DateTime::<Utc>::from(SystemTime::now());
        let time = time.to_rfc3339_opts(SecondsFormat::Micros, true);
        if !self.is_text {
            let object = Value::Object(object(time, event)).to_string();
            return writeln!(writer, "{}", console::escaped(&object));
        }
        write!(writer, "{time} {}", level(*event.metadata().level(), writer.has_ansi_escapes()))?;
        let mut text = Text { writer: writer.by_ref(), written: Ok(()) };
        event.record(&mut text);
        text.written?;
        for (name, id) in ids() {
            write!(writer, " {name}={}", console::escaped(&id))?;
        }
        writeln!(writer)
    }
}

fn object(time: String, event: &Event<'_>) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), time.into());
    line.insert("level".to_owned(), event.metadata().level().as_str().into());
    event.record(&mut Fields(&mut line));
    line.insert("target".to_owned(), event.metadata().target().into());
    line.extend(ids().map(|(name, id)| (name.to_owned(), id.into())));
    line
}

/// The request id, as the client received it, and the ids of the current trace, if it is sampled.
fn ids() -> impl Iterator<Item = (&'static str, String)> {
    let request = instrumentation::request_id::current();
    let request = request.and_then(|id| Some(("request_id", id.to_str().ok()?.to_owned())));
    let trace = Context::map_current(|context| {
        let span = context.span().span_context().clone();
        span.is_valid().then(|| {
            [("trace_id", span.trace_id().to_string()), ("span_id", span.span_id().to_string())]
        })
    });
    request.into_iter().chain(trace.into_iter().flatten())
}

fn level(level: Level, with_colour: bool) -> String {
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    if with_colour { format!("\x1b[{colour}m{level:>5}\x1b[0m") } else { format!("{level:>5}") }
}

/// Collects the fields of an event as members of a JSON object.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// Writes the fields of an event as text. Values are untrusted, so they are escaped.
struct Text<'a> {
    writer: Writer<'a>,
    written: fmt::Result,
}

/// The field that holds an event's message.
const MESSAGE: &str = "message";

impl Text<'_> {
    fn put(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.written.is_err() {
            return;
        }
        let (name, is_coloured) = (field.name(), self.writer.has_ansi_escapes());
        self.written = match name {
            MESSAGE => self.writer.write_char(' '),
            name if is_coloured => write!(self.writer, " \x1b[3m{name}\x1b[0m="),
            name => write!(self.writer, " {name}="),
        }
        .and_then(|()| Escaping(&mut self.writer).write_fmt(value));
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == MESSAGE {
            self.put(field, format_args!("{value}"));
        } else {
            self.put(field, format_args!("{value:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }
}
