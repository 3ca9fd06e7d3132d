use super::*;

fn server(address: Parsed<Address>) -> ConnectionAddr {
    match address.unwrap() {
        Address::Server(info) => info.addr().clone(),
        Address::Sentinel { .. } | Address::Cluster { .. } => panic!("no server"),
    }
}

fn sentinels(url: &str) -> Vec<ConnectionAddr> {
    match Address::parse(url).unwrap() {
        Address::Sentinel { sentinels, .. } => sentinels,
        Address::Server(_) | Address::Cluster { .. } => panic!("no master"),
    }
}

fn at(host: &str, port: u16) -> ConnectionAddr {
    ConnectionAddr::Tcp(host.to_owned(), port)
}

fn error(url: &str) -> String {
    Address::parse(url).expect_err(url).to_string()
}

#[test]
fn a_sentinel_url_names_sentinels_master_and_user() {
    let url = "redis+sentinel://app:s3cret@one:1,two/energy/2";
    let Address::Sentinel { master_name, sentinels, login } = Address::parse(url).unwrap() else {
        panic!("no master")
    };
    assert_eq!(master_name, "energy");
    assert_eq!(sentinels, [at("one", 1), at("two", SENTINEL_PORT)]);
    assert_eq!((login.username(), login.password()), (Some("app"), Some("s3cret")));
    assert_eq!(login.db(), 2);
}

#[test]
fn sentinels_and_their_master_use_tls_where_the_url_says_so() {
    let address = Address::parse("rediss+sentinel://one:1/energy").unwrap();
    assert!(address.uses_tls() && address.name().contains("one:1"));
    let sentinels = sentinels("rediss+sentinel://one:1/energy");
    assert!(matches!(like(&sentinels[0], "two".into(), 2), ConnectionAddr::TcpTls { port: 2, .. }));
    assert!(!Address::parse("redis+sentinel://one:1/energy").unwrap().uses_tls());
}

#[test]
fn a_sentinel_url_without_master_or_with_a_bad_port_is_rejected() {
    let bad = ["one:1", "one:x/m", "/m", "one:0/m", "one:/m", "one:65536/m", "[::1/m", "::1]:5/m"];
    for rest in bad {
        assert!(Address::parse(&format!("redis+sentinel://{rest}")).is_err(), "{rest}");
    }
}

#[test]
fn ipv6_addresses_are_accepted_wherever_an_address_is() {
    for host in ["::1", "[::1]"] {
        assert_eq!(server(Address::from_host_port(host, 6379)), at("::1", 6379));
    }
    assert_eq!(server(Address::from_host_port("fe80::1%eth0", 1)), at("fe80::1%eth0", 1));
    assert_eq!(server(Address::parse("redis://[::1]:7000")), at("::1", 7000));
    assert_eq!(server(Address::parse("redis://:p@[2001:db8::1]/2")), at("2001:db8::1", 6379));
    assert_eq!(sentinels("redis+sentinel://[::1]:7000/m"), [at("::1", 7000)]);
    assert_eq!(sentinels("redis+sentinel://[::1]/m"), [at("::1", SENTINEL_PORT)]);
    let mixed = sentinels("redis+sentinel://:p@[::1],one,192.0.2.1:5/m");
    assert_eq!(mixed, [at("::1", SENTINEL_PORT), at("one", SENTINEL_PORT), at("192.0.2.1", 5)]);
}

#[test]
fn a_host_is_named_without_its_port_or_anything_else() {
    let bad = ["localhost:6379", "[::1]:6379", "redis://one", "a b", "user@one", "[one]", "", "[]"];
    for host in bad {
        let message = Address::from_host_port(host, 6379).expect_err(host).to_string();
        assert!(message.contains("without a port"), "{host}: {message}");
    }
    for host in ["localhost", "redis.example.com", "192.0.2.1", "under_score"] {
        assert_eq!(server(Address::from_host_port(host, 6379)), at(host, 6379));
    }
}

#[test]
fn a_password_with_raw_delimiters_must_be_percent_encoded() {
    for delimiter in ["/", "?", "#", "a/b/c", "/1"] {
        for scheme in ["redis", "rediss", "redis+sentinel"] {
            let message = error(&format!("{scheme}://:s3{delimiter}cret@one:6379/m"));
            assert!(message.contains("percent-encoded"), "{delimiter}: {message}");
            assert!(!message.contains("s3") && !message.contains("cret"), "{message}");
        }
    }
    let Ok(Address::Server(info)) = Address::parse("redis://:s3%2F%3F%23%40%3Acret@one") else {
        panic!("an encoded password is rejected")
    };
    assert_eq!(info.redis_settings().password(), Some("s3/?#@:cret"));
}

#[test]
fn an_invalid_address_is_rejected_with_the_rule_and_without_the_text() {
    assert!(error("nonsense").contains("must begin with redis://"));
    assert!(error("http://one").contains("must begin with redis://"));
    assert!(error("rediss://one#insecure").contains("REDIS_TLS_CA_FILE"));
    for url in ["redis://:s3cret@one:port", "redis://:s3cret@one/db", "redis://:s3cret@0.0.0.0"] {
        let message = error(url);
        assert!(
            !message.contains("s3cret") && !message.contains("InvalidClientConfig"),
            "{message}"
        );
    }
}

#[test]
fn a_name_has_no_password_and_brackets_around_ipv6() {
    let name = |url| Address::parse(url).unwrap().name();
    assert_eq!(name("redis://app:s3cret@[::1]/2"), "[::1]:6379");
    assert_eq!(name("rediss://app:s3cret@one"), "one:6379");
    assert_eq!(name("redis+unix:///run/redis.sock"), "/run/redis.sock");
    let of_master = name("redis+sentinel://:s3cret@one,[::1]:7/energy");
    assert_eq!(of_master, "master energy of Sentinels one:26379, [::1]:7");
}

#[test]
fn a_cluster_url_names_nodes_and_user() {
    let url = "redis+cluster://app:s3cret@one:1,[::1]:2,three";
    let Address::Cluster { seeds, login } = Address::parse(url).unwrap() else {
        panic!("no cluster")
    };
    assert_eq!(seeds, [at("one", 1), at("::1", 2), at("three", NODE_PORT)]);
    assert_eq!((login.username(), login.password()), (Some("app"), Some("s3cret")));
    let address = Address::parse(url).unwrap();
    assert_eq!(address.name(), "Redis Cluster one:1, [::1]:2, three:6379");
    let node = address.of_node(at("four", 4)).unwrap();
    assert_eq!((node.name(), node.login().password()), ("four:4".to_owned(), Some("s3cret")));
}

#[test]
fn nodes_of_a_cluster_use_tls_where_the_url_says_so() {
    for scheme in ["rediss+cluster", "valkeys+cluster"] {
        assert!(Address::parse(&format!("{scheme}://one:1")).unwrap().uses_tls());
    }
    for scheme in ["redis+cluster", "valkey+cluster"] {
        assert!(!Address::parse(&format!("{scheme}://one:1/0")).unwrap().uses_tls());
    }
}

#[test]
fn a_cluster_url_without_nodes_or_with_a_database_is_rejected() {
    for rest in ["", "one:x", "one,,two", "one:0", "/0"] {
        let message = error(&format!("redis+cluster://{rest}"));
        assert!(message.contains("must be redis+cluster://"), "{rest}: {message}");
    }
    assert!(error("redis+cluster://one:1/2").contains("no others"));
}
