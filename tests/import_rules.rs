//! Which crate may depend on which, which module of a crate on which, and where the environment is read.
//!
//! The crates are those of `cargo metadata` (read without the `cargo_metadata` crate: it would switch on a
//! feature of `serde_json`, also in the program under test), the modules those of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::common::files;
use crate::common::modules::Modules;

/// The modules of each crate, a line for each layer, from the top to the bottom; the root is above all. A
/// module may import those of lower layers, and no other of its own. A name stands for its children, too,
/// unless these are named themselves.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "actors",
        &[
            "pipeline",
            "supervisor",
            "liveness maintenance stages",
            "running_partitions",
            "partition_context",
            "context",
            "flow metrics",
            "actor_names config error restart_budget",
        ],
    ),
    (
        "api",
        &[
            "spec",
            "address_limit frontend ingestion operations origins query server",
            "client_slots",
            "access middleware parameter store_failure unknown_parameters",
            "rate_limiter",
            "compression error_body influx_errors problem_details reloaded request_span",
            "api_tag client_address client_certificate draining entity_tag error_code head_only metrics paths rate replica_lag security_headers weighted_items with_schema",
        ],
    ),
    (
        "archive",
        &[
            "restoring",
            "verification",
            "archiver",
            "site_days_in_files parquet_archive",
            "site_in_file",
            "file_reader file_writer",
            "pruning batches manifests",
            "columns metrics object_files",
            "manifest row",
            "advice archive_url",
        ],
    ),
    (
        "bench",
        &[
            "aggregates drain_while_packing get sites tiers",
            "drain ingest live_sites end_to_end record load_url startup suite",
            "generator plain_loop plain_server service interleave",
            "api_key cli draining minutes seed latency_probes redis_benchmark target",
            "machine redis_server report requests",
            "aof download histogram http layout load open_loop process table usage",
        ],
    ),
    (
        "energy-pipeline",
        &["commands", "roles", "telemetry", "config", "console local_redis readiness shutdown"],
    ),
    (
        "import",
        &[
            "dry_run import_result",
            "resume_command",
            "arguments sender",
            "client shape_arguments",
            "tracking",
            "input",
        ],
    ),
    (
        "instrumentation",
        &["trace", "bound_histograms log_throttle metrics request_id sampling spans"],
    ),
    (
        "meter-files",
        &[
            "open",
            "days green_button influx_csv json nem12 profile readings",
            "table",
            "records track",
            "day_columns number report time",
            "archive shape text",
            "value",
            "error understood",
        ],
    ),
    ("mqtt", &["bridge", "metrics", "mapping session", "config", "address message status"]),
    (
        "readings",
        &[
            "rows store",
            "store::catalog",
            "store::deletion store::packing store::rollups",
            "validation store::receivers store::stream store::series",
            "store::deleted_ids",
            "store::archive",
            "store::packed store::archive_record store::tier_runs",
            "store::lease",
            "store::connection",
            "store::codec store::device_sample store::error store::keys store::metrics",
            "energy store::partition",
            "reading store::archive_error store::error_class store::stream_id",
            "iso8601 power",
        ],
    ),
];

/// Where the environment is read, as settings and to give all of them their rules; `bench` is a tool.
const READS_ENVIRONMENT: [(&str, &str); 1] = [("energy-pipeline", "config")];

/// For this platform alone: the crates of other platforms have not been downloaded.
fn metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    cargo.args(["--filter-platform", &host(), "--manifest-path"]);
    let output = cargo.arg(files::path("Cargo.toml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The platform of this build, from `rustc -vV`.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc tells its host").to_owned()
}

/// The dependencies of each crate of the workspace, those of its tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let packages = workspace().into_iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
    });
    packages.collect()
}

/// The packages of the workspace.
fn workspace() -> Vec<Value> {
    let mut packages = metadata()["packages"].as_array().unwrap().clone();
    packages.retain(|package| package["source"].is_null());
    packages
}

/// The modules of each crate of the workspace.
fn crates() -> BTreeMap<String, Modules> {
    let root = |package: &Value| {
        let targets = package["targets"].as_array().unwrap();
        let kind = |target: &Value| text(&target["kind"][0]);
        let root = targets.iter().find(|target| ["lib", "bin"].contains(&kind(target).as_str()));
        PathBuf::from(text(&root.expect("a library or a program")["src_path"]))
    };
    let packages = workspace();
    let modules = |package: &Value| (text(&package["name"]), Modules::of_crate(&root(package)));
    packages.iter().map(modules).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn dependents(dependency: &str) -> Vec<String> {
    let named = dependencies().into_iter().filter(|(_, names)| names.contains(dependency));
    named.map(|(name, _)| name).filter(|name| name != "bench").collect()
}

#[test]
fn api_and_actors_do_not_know_each_other() {
    let dependencies = dependencies();
    assert!(!dependencies["api"].contains("actors"));
    assert!(!dependencies["actors"].contains("api"));
}

#[test]
fn mqtt_is_beside_both() {
    let dependencies = dependencies();
    for (above, below) in [("mqtt", "api"), ("mqtt", "actors"), ("api", "mqtt"), ("actors", "mqtt")]
    {
        assert!(!dependencies[above].contains(below), "{above} depends on {below}");
    }
}

#[test]
fn readings_knows_no_crate_above_it() {
    let readings = &dependencies()["readings"];
    assert!(["api", "actors", "mqtt"].iter().all(|above| !readings.contains(*above)));
}

#[test]
fn import_reaches_the_service_by_http_alone() {
    let import = &dependencies()["import"];
    assert!(!import.contains("api") && !import.contains("actors"));
}

#[test]
fn meter_files_know_neither_network_nor_redis() {
    let dependencies = &dependencies()["meter-files"];
    for known in ["hyper", "import", "readings", "redis", "reqwest", "tokio"] {
        assert!(!dependencies.contains(known), "{known}");
    }
}

#[test]
fn redis_is_named_only_by_readings() {
    assert_eq!(dependents("redis"), ["readings"]);
}

#[test]
fn ractor_is_named_only_by_actors() {
    assert_eq!(dependents("ractor"), ["actors"]);
}

#[test]
fn the_protocol_of_mqtt_is_named_only_by_mqtt() {
    assert_eq!(dependents("mqtt-protocol-core"), ["mqtt"]);
}

#[test]
fn poem_is_named_only_by_api_and_by_the_program_that_serves_it() {
    assert_eq!(dependents("poem"), ["api", "energy-pipeline"]);
    assert_eq!(dependents("poem-openapi"), ["api"]);
}

#[test]
fn poem_has_no_telemetry_of_its_own() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap().iter();
    let poem = nodes.filter(|node| node["id"].as_str().unwrap().contains("#poem@"));
    let features: Vec<_> = poem.flat_map(|node| node["features"].as_array().unwrap()).collect();
    assert!(!features.is_empty());
    assert!(!features.contains(&&"opentelemetry".into()), "{features:?}");
}

#[test]
fn no_module_imports_one_that_imports_it() {
    for (name, modules) in crates() {
        let uses = modules.uses();
        for module in uses.keys() {
            let circle = path_between(&uses, module, module);
            assert!(circle.is_none(), "a circle in {name}: {}", circle.unwrap().join(" -> "));
        }
    }
}

#[test]
fn imports_go_from_a_layer_to_lower_ones() {
    let crates = crates();
    let named: Vec<_> = LAYERS.iter().map(|(name, _)| name.to_string()).collect();
    assert!(crates.keys().eq(&named), "{named:?} are not {:?}", crates.keys());
    let mut wrong = Vec::new();
    for (name, layers) in LAYERS {
        for (from, used) in crates[*name].uses() {
            let above = place(layers, from);
            let is_allowed = |below: Option<(usize, &str)>| {
                above.zip(below).is_some_and(|(above, below)| above.0 < below.0 || above == below)
            };
            let upward = used.iter().filter(|to| !is_allowed(place(layers, to)));
            wrong.extend(upward.map(|to| format!("{name}: {from} imports {to}")));
            wrong.extend(above.is_none().then(|| format!("{name}: {from} is in no layer")));
        }
    }
    assert!(wrong.is_empty(), "see LAYERS:\n{}", wrong.join("\n"));
}

/// The layer of a module, counted from the top, and the name that it goes by in it.
fn place<'a>(layers: &[&'a str], module: &str) -> Option<(usize, &'a str)> {
    if module.is_empty() {
        return Some((0, ""));
    }
    let named = layers.iter().zip(1..).flat_map(|(layer, n)| layer.split(' ').map(move |m| (n, m)));
    let is_in = |(_, named): &(usize, &str)| {
        module.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    named.filter(is_in).max_by_key(|(_, named)| named.len())
}

#[test]
fn the_environment_is_read_by_the_settings_alone() {
    let reading = ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"];
    let mut readers = BTreeSet::new();
    for (name, modules) in crates().iter().filter(|(name, _)| *name != "bench") {
        for (path, source) in modules.iter() {
            let reads =
                |path: String| reading.iter().any(|name| path == format!("std::env::{name}"));
            let is_flag = source.arguments.contains(&("arg".to_owned(), "env".to_owned()));
            if is_flag || source.full_paths().any(reads) {
                let (top, _) = path.split_once("::").unwrap_or((path, ""));
                readers.insert((name.clone(), top.to_owned()));
            }
        }
    }
    let allowed = READS_ENVIRONMENT.map(|(name, module)| (name.to_owned(), module.to_owned()));
    assert_eq!(readers, BTreeSet::from(allowed));
}

/// The way by which a module comes to use another: the modules between them, both included.
fn path_between(
    uses: &BTreeMap<&str, BTreeSet<String>>,
    from: &str,
    to: &str,
) -> Option<Vec<String>> {
    let mut paths = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        for next in &uses[path.last().unwrap().as_str()] {
            let longer = [path.as_slice(), std::slice::from_ref(next)].concat();
            if next == to {
                return Some(longer);
            }
            if seen.insert(next) {
                paths.push(longer);
            }
        }
    }
    None
}
