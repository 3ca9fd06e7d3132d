//! Reads from the replicas of a cluster of scripted nodes.

use redis::{Script, cmd, pipe};

use super::scripted_cluster::{ScriptedCluster, bulk};
use super::*;
use crate::store::connection::SharedConnection;

/// One master, and the node after it, which is its replica. Each node has its own replies.
async fn replicated(replies: [&str; 2]) -> (ScriptedCluster, SharedConnection) {
    let replies = replies.map(str::to_owned);
    let script = move |node: usize, words: &[String]| {
        Some(if words[0] == "EXISTS" { ":2\r\n".to_owned() } else { replies[node].clone() })
    };
    let cluster = ScriptedCluster::start(vec![vec![(0, 1, 0, 16_383)]; 2], script).await;
    cluster.report_replicas(&[(0, 1)]);
    let replicas = RedisServer::from_url(&cluster.url()).unwrap().replicas().unwrap();
    let connection = replicas.shared();
    connection.admit_replicas().await.unwrap();
    (cluster, connection)
}

fn get(key: &str) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

fn text(value: Value) -> String {
    crate::store::connection::reply::text(value).unwrap()
}

#[tokio::test]
async fn a_replica_is_read_from() {
    let (cluster, connection) = replicated([&bulk("new"), &bulk("old")]).await;
    assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "old");
    assert_eq!(cluster.received(), ["1: GET a"]);
}

#[tokio::test]
async fn what_a_replica_does_not_have_is_asked_of_its_master() {
    let (cluster, connection) = replicated([&bulk("new"), "$-1\r\n"]).await;
    assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "new");
    let mut both = pipe();
    both.add_command(get("b")).add_command(get("c"));
    let (replies, _) = connection.send_all("GET", &both).await.unwrap();
    assert!(replies.into_iter().all(|reply| text(reply.unwrap()) == "new"));
    let single = ["1: GET a", "0: GET a"];
    let all = ["1: GET b", "1: GET c", "0: GET b", "0: GET c"];
    assert_eq!(cluster.received(), [&single[..], &all].concat());
}

#[tokio::test]
async fn what_a_script_reads_of_several_keys_counts_if_their_master_has_them() {
    let (cluster, connection) = replicated([&bulk("new"), &bulk("old")]).await;
    let script = Script::new("return 1");
    let mut read = script.key("{a}b");
    read.key("{a}c");
    assert_eq!(text(connection.eval("EVALSHA", &read).await.unwrap()), "old");
    assert_eq!(cluster.received()[1], "0: EXISTS {a}b {a}c");
    let replies = |node: usize, words: &[String]| {
        // Some of the keys are here, and some at another master; then all are.
        let text = if words[0] == "EXISTS" {
            "-TRYAGAIN x\r\n".to_owned()
        } else {
            bulk(["new", "old"][node])
        };
        Some(text)
    };
    cluster.reply_by(replies);
    assert_eq!(text(connection.eval("EVALSHA", &read).await.unwrap()), "new");
}

#[tokio::test]
async fn a_replica_that_fails_is_left_for_its_master_and_its_generation_ends() {
    let (cluster, connection) = replicated([&bulk("new"), &bulk("old")]).await;
    assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "old");
    let generation = connection.generation();
    cluster.reply_by(|node, _| Some(if node == 0 { bulk("new") } else { "-LOADING x\r\n".into() }));
    for _ in 0..3 {
        assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "new");
    }
    let of_replica = cluster.received().iter().filter(|it| it.starts_with('1')).count();
    assert_eq!(of_replica, 2, "it is asked no more: {:?}", cluster.received());
    assert_ne!(connection.generation(), generation);
    cluster.reply_by(|node, _| Some(bulk(["new", "old"][node])));
    connection.admit_replicas().await.unwrap();
    assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "old", "it is again");
}

#[tokio::test]
async fn a_replica_that_redirects_for_a_key_is_read_from_for_others() {
    let (cluster, connection) = replicated([&bulk("new"), "-ASK 1 127.0.0.1:1\r\n"]).await;
    for _ in 0..2 {
        assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), "new");
    }
    assert_eq!(cluster.received(), ["1: GET a", "0: GET a"].repeat(2));
}

#[tokio::test]
async fn a_replica_without_a_link_to_its_master_is_not_read_from() {
    let (cluster, connection) = replicated([&bulk("new"), &bulk("old")]).await;
    for (link, expected) in [("down", "new"), ("up", "old")] {
        cluster.report_link(link);
        connection.admit_replicas().await.unwrap();
        assert_eq!(text(connection.send("GET", &get("a")).await.unwrap()), expected);
    }
}

#[tokio::test]
async fn a_transaction_and_the_connection_for_writes_go_to_the_master() {
    let (cluster, connection) = replicated(["*1\r\n+OK\r\n", &bulk("old")]).await;
    let mut transaction = pipe();
    transaction.atomic().add_command(get("a"));
    let _ = connection.exec_atomic("EXEC", &transaction).await;
    let writes = RedisServer::from_url(&cluster.url()).unwrap().shared();
    let _ = writes.send("GET", &get("a")).await;
    assert!(cluster.received().iter().all(|it| it.starts_with('0')), "{:?}", cluster.received());
}
