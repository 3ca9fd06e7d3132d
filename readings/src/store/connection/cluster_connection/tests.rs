use std::time::Duration;

use redis::{Script, cmd, pipe};
use tokio::time::timeout;

use super::scripted_cluster::{Owners, ScriptedCluster, bulk};
use super::*;
use crate::store::connection::SharedConnection;

/// `b` is in slot 3,300, `a` in 15,495: the first node has the lower half of the slots, the second the upper one.
fn halves() -> Owners {
    vec![(0, 1, 0, 8_191), (1, 2, 8_192, 16_383)]
}

fn connect(cluster: &ScriptedCluster) -> SharedConnection {
    RedisServer::from_url(&cluster.url()).unwrap().shared()
}

#[expect(clippy::unnecessary_wraps, reason = "the result of a script")]
fn ok() -> Option<String> {
    Some("+OK\r\n".to_owned())
}

fn get(key: &str) -> Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

#[tokio::test]
async fn a_command_goes_to_the_node_of_its_key() {
    let cluster = ScriptedCluster::start(vec![halves(); 2], |_, _| ok()).await;
    let connection = connect(&cluster);
    for key in ["a", "b", "x:{b}"] {
        connection.send("GET", &get(key)).await.unwrap();
    }
    assert_eq!(cluster.received(), ["1: GET a", "0: GET b", "0: GET x:{b}"]);
}

#[tokio::test]
async fn a_moved_slot_is_followed_and_ends_no_generation() {
    let mut first = true;
    let script = move |_, _: &[String]| {
        if std::mem::take(&mut first) {
            Some("-MOVED 3300 127.0.0.1:1\r\n".to_owned())
        } else {
            ok()
        }
    };
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    let connection = connect(&cluster);
    connection.masters().await.unwrap();
    let generation = connection.generation();
    // The second node takes the slot over, with a higher epoch; the first keeps others.
    let moved = vec![(0, 1, 0, 3_000), (1, 3, 3_001, 16_383)];
    cluster.report(vec![moved; 2]);
    connection.send("GET", &get("b")).await.unwrap();
    assert_eq!(cluster.received(), ["0: GET b", "1: GET b"]);
    assert_eq!(connection.generation(), generation);
}

#[tokio::test]
async fn a_key_that_is_being_migrated_is_asked_for_once() {
    let cluster = ScriptedCluster::start(vec![halves(); 2], |_, _| ok()).await;
    let port = cluster.port(1);
    let script = move |node, words: &[String]| match (node, words[0].as_str()) {
        (0, "GET") => Some(format!("-ASK 3300 127.0.0.1:{port}\r\n")),
        _ => ok(),
    };
    cluster.reply_by(script);
    let connection = connect(&cluster);
    for _ in 0..2 {
        connection.send("GET", &get("b")).await.unwrap();
    }
    let once = ["0: GET b", "1: ASKING", "1: GET b"];
    assert_eq!(cluster.received(), [once, once].concat());
}

#[tokio::test]
async fn a_command_whose_keys_are_being_migrated_is_sent_again() {
    let mut refusals = 3;
    let script = move |_, _: &[String]| {
        if refusals == 0 {
            return ok();
        }
        refusals -= 1;
        Some("-TRYAGAIN Multiple keys request during rehashing of slot\r\n".to_owned())
    };
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    connect(&cluster).send("GET", &get("b")).await.unwrap();
    assert_eq!(cluster.received().len(), 4);
}

#[tokio::test]
async fn nodes_that_redirect_to_each_other_are_a_busy_server_and_no_loop() {
    let script = |_, _: &[String]| Some("-MOVED 3300 127.0.0.1:1\r\n".to_owned());
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    let sending = async { connect(&cluster).send("GET", &get("b")).await };
    let error = timeout(Duration::from_secs(20), sending).await.unwrap().unwrap_err();
    assert_eq!(error.class, ErrorClass::Busy);
    assert_eq!(cluster.received().len(), 1 + MAX_REDIRECTIONS as usize);
}

#[tokio::test]
async fn replies_to_commands_of_several_nodes_are_in_the_order_of_the_commands() {
    let mut is_moved = true;
    let script = move |_, words: &[String]| match words[1].as_str() {
        "z{b}" if std::mem::take(&mut is_moved) => Some("-MOVED 3300 127.0.0.1:1\r\n".to_owned()),
        "y{a}" => Some("-ERR y\r\n".to_owned()),
        key => Some(bulk(key)),
    };
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    let connection = connect(&cluster);
    let mut commands = pipe();
    for key in ["a", "b", "y{a}", "z{b}"] {
        commands.add_command(get(key));
    }
    let (replies, _) = connection.send_all("GET", &commands).await.unwrap();
    let texts = replies.into_iter().map(|reply| match reply {
        Ok(Value::BulkString(text)) => String::from_utf8(text).unwrap(),
        Err(error) => error.without_server(),
        Ok(other) => format!("{other:?}"),
    });
    let texts: Vec<_> = texts.collect();
    assert_eq!(texts, ["a", "b", "GET failed (other): ERR y", "z{b}"]);
}

#[tokio::test]
async fn a_failed_node_fails_its_commands_and_not_those_of_others() {
    let script = |node, _: &[String]| if node == 0 { None } else { ok() };
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    let connection = connect(&cluster);
    let mut commands = pipe();
    commands.add_command(get("a")).add_command(get("b"));
    let before = connection.generation();
    let (replies, generation) = connection.send_all("GET", &commands).await.unwrap();
    assert!(replies[0].is_ok() && replies[1].is_err(), "{replies:?}");
    // The replies are of the generation that has ended with the connection.
    assert_eq!(generation, before);
    assert_ne!(connection.generation(), before);
    let sent = connection.send_in_generation(generation, "GET", &get("a")).await.unwrap();
    assert_eq!(sent, None);
}

#[tokio::test]
async fn a_master_that_another_one_has_replaced_is_left_and_the_generation_ends() {
    let cluster = ScriptedCluster::start(vec![halves(); 3], |_, _| ok()).await;
    let connection = connect(&cluster);
    connection.send("GET", &get("b")).await.unwrap();
    let generation = connection.generation();
    // The first node does not know that the third one has its slots.
    let after = vec![(0, 1, 1, 0), (1, 2, 8_192, 16_383), (2, 5, 0, 8_191)];
    cluster.report(vec![halves(), after.clone(), after]);
    let ended = async {
        while connection.generation() == generation {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), ended).await.unwrap();
    connection.send("GET", &get("b")).await.unwrap();
    assert_eq!(cluster.received(), ["0: GET b", "2: GET b"]);
}

#[tokio::test]
async fn a_script_is_loaded_at_each_node_that_does_not_know_it() {
    let mut known = [false; 2];
    let script = move |node: usize, words: &[String]| match words[0].as_str() {
        "SCRIPT" => {
            known[node] = true;
            Some(bulk(Script::new("return 1").get_hash()))
        }
        _ if known[node] => Some(":1\r\n".to_owned()),
        _ => Some("-NOSCRIPT No matching script\r\n".to_owned()),
    };
    let cluster = ScriptedCluster::start(vec![halves(); 2], script).await;
    let connection = connect(&cluster);
    let script = Script::new("return 1");
    for key in ["a", "b", "a"] {
        let reply = connection.eval("EVALSHA", &script.key(key)).await.unwrap();
        assert_eq!(reply, Value::Int(1));
    }
    let loads = cluster.received().iter().filter(|command| command.contains("SCRIPT LOAD")).count();
    assert_eq!(loads, 2);
}

#[tokio::test]
async fn a_dedicated_connection_is_to_the_node_of_its_key_and_ends_when_that_is_replaced() {
    let cluster = ScriptedCluster::start(vec![halves(); 3], |_, _| ok()).await;
    let server = RedisServer::from_url(&cluster.url()).unwrap();
    let mut reader = server.dedicated("b", Duration::from_secs(30)).await.unwrap();
    let after = vec![(0, 1, 1, 0), (1, 2, 8_192, 16_383), (2, 5, 0, 8_191)];
    cluster.report(vec![after; 3]);
    // No reply arrives: without the watch it would wait for 30 seconds.
    let reading = reader.read_reply("GET", |cursor| cursor.line().map(<[u8]>::to_vec));
    let error = timeout(Duration::from_secs(5), reading).await.unwrap().unwrap_err();
    assert_eq!(error.class, ErrorClass::Disconnected);
}
