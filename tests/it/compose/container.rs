//! What every container of the stack owes the machine it runs on, and whether names within the stack lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use acceptance::server::binary;
use serde_json::Value;

use super::{Secrets, folder, names, services, stack};
use crate::tools::{root, said};

/// Only these are for people, and only from this machine.
const PUBLISHED: [(&str, &str); 2] = [("grafana", "127.0.0.1:3000:3000"), ("nginx", "127.0.0.1:8080:8080")];
/// It writes its configuration beside its programs when it starts.
const WRITES_INTO_ITSELF: &str = "kafka";
/// Debian's packages of the runtime image, and what the base image has anyway.
const RUNTIME_PACKAGES: [&str; 4] = ["libc6", "libgcc-s1", "libssl3", "zlib1g"];

#[test]
fn every_container_is_limited_in_what_it_may_take_and_do() {
    for (name, service) in services() {
        let limits = &service["deploy"]["resources"]["limits"];
        for limit in ["cpus", "memory", "pids"] {
            assert!(!limits[limit].is_null(), "{name} has no limit of {limit}");
        }
        assert_eq!(names(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(names(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["logging"]["options"]["max-size"].is_string(), "{name} logs without end");
        assert_eq!(service["read_only"] == true, name != WRITES_INTO_ITSELF, "{name}");
        assert!(service["privileged"].is_null() && service["network_mode"].is_null(), "{name}");
    }
}

#[test]
fn only_the_two_for_people_are_published_and_only_to_this_machine() {
    let published: Vec<(&str, &str)> = services()
        .flat_map(|(name, service)| names(&service["ports"]).into_iter().map(move |port| (name.as_str(), port)))
        .collect();
    assert_eq!(BTreeSet::from_iter(published), BTreeSet::from(PUBLISHED));
    assert_eq!(stack()["networks"]["inside"]["internal"], true, "nothing inside has a way out");
    for (name, service) in services() {
        let outside = names(&service["networks"]).contains(&"outside");
        assert_eq!(outside, PUBLISHED.iter().any(|(published, _)| published == name), "{name}");
    }
}

#[test]
fn whoever_is_waited_for_can_say_that_it_is_ready() {
    let stack = &stack()["services"];
    for (name, service) in services() {
        for (other, wish) in service["depends_on"].as_object().into_iter().flatten() {
            let other_service = &stack[other];
            let healthy = super::settings::is_ours(other_service) || !other_service["healthcheck"]["test"].is_null();
            match wish["condition"].as_str() {
                Some("service_healthy") => assert!(healthy, "{name} waits for {other}, which cannot tell"),
                Some("service_completed_successfully") => assert_eq!(other_service["restart"], "no", "{other}"),
                condition => panic!("{name} waits for {other} to be {condition:?}"),
            }
        }
    }
}

#[test]
fn every_secret_and_volume_that_is_used_is_there_and_every_one_there_is_used() {
    let secrets = Secrets::make("names");
    let made = |name: &str| secrets.0.join(name).is_file();
    let used = |kind: &str| -> BTreeSet<&str> { services().flat_map(|(_, service)| names(&service[kind])).collect() };
    let defined: BTreeSet<&str> = names(&stack()["secrets"]).into_iter().collect();
    assert_eq!(used("secrets"), defined);
    for name in defined {
        assert_eq!(stack()["secrets"][name]["file"], format!("./secrets/{name}"));
        assert!(made(name), "make-secrets does not make {name}");
    }
    let mounted = used("volumes");
    let sources: BTreeSet<&str> = mounted.iter().filter_map(|mount| mount.split(':').next()).collect();
    let (paths, volumes): (Vec<&str>, Vec<&str>) = sources.into_iter().partition(|source| source.starts_with('.'));
    assert_eq!(BTreeSet::from_iter(volumes), names(&stack()["volumes"]).into_iter().collect());
    for path in paths {
        assert!(folder().join(path).exists(), "{path} is mounted and not there");
    }
}

#[test]
fn a_service_reads_no_secret_that_it_is_not_given() {
    for (name, service) in services() {
        let given = names(&service["secrets"]);
        let told = service.to_string();
        let read = told.split("/run/secrets/").skip(1).map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
            &rest[..end]
        });
        for secret in read.filter(|secret| !secret.is_empty()) {
            assert!(given.contains(&secret), "{name} reads {secret}");
        }
    }
}

#[test]
fn the_image_has_every_library_that_the_binary_wants() {
    let dockerfile = fs::read_to_string(folder().join("Dockerfile")).unwrap();
    for package in ["ca-certificates", "libssl3", "zlib1g"] {
        assert!(dockerfile.contains(&format!(" {package}=")), "{package}");
    }
    // Where this machine is no Debian, its names of packages are no help.
    let asked = said(Command::new("ldd").arg(binary()));
    let libraries = asked.lines().filter_map(|line| line.split("=> ").nth(1)?.split(' ').next());
    for library in libraries.filter(|library| library.starts_with('/')) {
        let name = library.rsplit('/').next().unwrap_or_default();
        let known =
            ["libc.", "libm.", "libdl.", "libpthread.", "librt.", "libgcc_s.", "libssl.", "libcrypto.", "libz."];
        assert!(known.iter().any(|known| name.starts_with(known)), "{name} is in none of {RUNTIME_PACKAGES:?}");
    }
}

#[test]
fn what_the_build_reads_is_not_kept_from_it() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let (kept, lost): (Vec<&str>, Vec<&str>) =
        ignored.lines().filter(|line| !line.starts_with('#')).partition(|line| line.starts_with('!'));
    let sources = said(Command::new("git").args(["ls-files", "*.rs"]).current_dir(root()));
    for source in sources.lines().filter(|source| source.starts_with("securenet/src") || source.contains("-api/src")) {
        let text = fs::read_to_string(root().join(source)).unwrap();
        for included in text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let path = root().join(source).with_file_name(included);
            let path = path.canonicalize().unwrap_or_else(|error| panic!("{source} includes {included}: {error}"));
            let path = format!("/{}", path.strip_prefix(root()).unwrap().display());
            let excluded = lost.iter().any(|line| path.starts_with(line.trim_end_matches('*')));
            assert!(!excluded || kept.contains(&format!("!{path}").as_str()), "{source} includes {path}");
        }
    }
}

#[test]
fn every_image_but_ours_is_of_a_named_version() {
    for (name, service) in services() {
        let image = service["image"].as_str().unwrap();
        let version = image.split_once(':').map(|(_, version)| version);
        assert!(version.is_some_and(|version| version != "latest"), "{name}: {image}");
        assert_eq!(image == "securenet:local", service["build"] != Value::Null, "{name}");
    }
}
