//! Who may depend on whom, as `cargo metadata` tells it. (Read without the `cargo_metadata` crate:
//! it would switch on a feature of `serde_json`, also in the program under test.)

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::common::files;

/// Of this platform alone: crates that only others need have not been downloaded by building this.
fn metadata() -> Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    cargo.args(["--filter-platform", &host(), "--manifest-path"]);
    let output = cargo.arg(files::path("Cargo.toml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The platform that this is built on, as `rustc -vV` tells it.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc tells its host").to_owned()
}

/// For each crate of the workspace, what its code (not its tests) names.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let ours = packages.filter(|package| package["source"].is_null());
    ours.map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
    })
    .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn who_names(dependency: &str) -> Vec<String> {
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
fn readings_knows_neither_api_nor_actors() {
    let readings = &dependencies()["readings"];
    assert!(!readings.contains("api") && !readings.contains("actors"));
}

#[test]
fn import_reaches_the_service_by_http_alone() {
    let import = &dependencies()["import"];
    assert!(!import.contains("api") && !import.contains("actors"));
}

#[test]
fn redis_is_named_only_by_readings() {
    assert_eq!(who_names("redis"), ["readings"]);
}

#[test]
fn ractor_is_named_only_by_actors() {
    assert_eq!(who_names("ractor"), ["actors"]);
}

#[test]
fn poem_is_named_only_by_api_and_by_the_program_that_serves_it() {
    assert_eq!(who_names("poem"), ["api", "energy-pipeline"]);
    assert_eq!(who_names("poem-openapi"), ["api"]);
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
