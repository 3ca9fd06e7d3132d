//! Sends commands of many keys to the nodes of a Redis Cluster: one pipeline for each node, all at once.

use std::collections::HashMap;

use futures_util::future::join_all;
use redis::{Cmd, Pipeline, Value};

use super::cluster::{Redirection, Slot, first_key};
use super::cluster_connection::{ClusterConnection, Node};
use super::generation::Generation;
use crate::store::error::{StoreError, StoreResult};

pub(super) type Replies = Vec<StoreResult<Value>>;

/// The commands of one node.
pub(super) struct NodeCommands {
    pub node: Node,
    pub commands: Pipeline,
    /// The place of each among all commands.
    pub places: Vec<usize>,
}

impl ClusterConnection {
    /// Sends commands, each of which goes to the node of its key; gives the reply to each, in their order, and the
    /// generation of all. Commands of one node are executed in their order; those of different nodes in any. A command
    /// without a key goes to each of these nodes, after the others of the node that precede it.
    ///
    /// Fails only if all nodes fail; else the commands of a failed node have its error.
    pub async fn send_all(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<(Replies, Generation)> {
        if let Some(replies) = self.replies_of_replicas(operation, commands).await? {
            return Ok(replies);
        }
        self.send_all_to_masters(operation, commands).await
    }

    /// As [`ClusterConnection::send_all`], and replicas are not read from.
    pub(super) async fn send_all_to_masters(
        &self,
        operation: &'static str,
        commands: &Pipeline,
    ) -> StoreResult<(Replies, Generation)> {
        let map = self.slot_map().await?;
        let groups = grouped(commands, |slot| self.node_of(&map, slot))?;
        // Before the first command: a connection that is lost from here on ends the generation.
        let generation = self.generation();
        let mut merged = Merged::new(commands.len());
        for (group, replies) in groups.iter().zip(send_groups(operation, &groups).await) {
            match replies {
                Ok(replies) => merged.add(group, replies),
                Err(error) => {
                    self.poll_if_lost(&error);
                    merged.fail(group, &error);
                }
            }
        }
        let redirected = std::mem::take(&mut merged.redirected);
        let mut replies = merged.finish(self, operation)?;
        let commands: Vec<&Cmd> =
            if redirected.is_empty() { Vec::new() } else { commands.cmd_iter().collect() };
        for (place, redirection) in redirected {
            replies[place] = self.send_redirected(operation, commands[place], redirection).await;
        }
        Ok((replies, generation))
    }
}

/// The commands of each node, which is that of their slot.
pub(super) fn grouped(
    commands: &Pipeline,
    node_of: impl Fn(Option<Slot>) -> StoreResult<Node>,
) -> StoreResult<Vec<NodeCommands>> {
    let mut groups: Vec<NodeCommands> = Vec::new();
    let mut of_nodes: HashMap<String, usize> = HashMap::new();
    for (place, command) in commands.cmd_iter().enumerate() {
        let slot = first_key(command).map(Slot::of);
        if slot.is_none() && !groups.is_empty() {
            for group in &mut groups {
                group.push(place, command);
            }
            continue;
        }
        let node = node_of(slot)?;
        let group = *of_nodes.entry(node.address.to_string()).or_insert_with(|| {
            groups.push(NodeCommands { node, commands: Pipeline::new(), places: Vec::new() });
            groups.len() - 1
        });
        groups[group].push(place, command);
    }
    Ok(groups)
}

/// Sends the commands of all nodes at once.
pub(super) async fn send_groups(
    operation: &'static str,
    groups: &[NodeCommands],
) -> Vec<StoreResult<Replies>> {
    let sending = groups.iter().map(|group| async move {
        Ok(group.node.connection.send_all(operation, &group.commands).await?.0)
    });
    join_all(sending).await
}

impl NodeCommands {
    fn push(&mut self, place: usize, command: &Cmd) {
        self.commands.add_command(command.clone());
        self.places.push(place);
    }
}

/// The replies of all nodes.
struct Merged {
    replies: Vec<Option<StoreResult<Value>>>,
    redirected: Vec<(usize, Redirection)>,
    failure: Option<StoreError>,
    has_replies: bool,
}

impl Merged {
    fn new(count: usize) -> Self {
        let replies = std::iter::repeat_with(|| None).take(count).collect();
        Self { replies, redirected: Vec::new(), failure: None, has_replies: false }
    }

    fn add(&mut self, group: &NodeCommands, replies: Replies) {
        self.has_replies = true;
        for (&place, reply) in group.places.iter().zip(replies) {
            if let Err(error) = &reply
                && let Some(redirection) = Redirection::of(error, &group.node.address)
            {
                self.redirected.push((place, redirection));
            }
            self.set(place, reply);
        }
    }

    fn fail(&mut self, group: &NodeCommands, error: &StoreError) {
        group.places.iter().for_each(|&place| self.set(place, Err(error.clone())));
        self.failure.get_or_insert_with(|| error.clone());
    }

    /// Of a command that went to several nodes: the first error, or the lowest number (`WAIT`).
    fn set(&mut self, place: usize, reply: StoreResult<Value>) {
        let merged = match (self.replies[place].take(), reply) {
            (None, reply) => reply,
            (Some(Ok(Value::Int(one))), Ok(Value::Int(other))) => Ok(Value::Int(one.min(other))),
            (Some(Ok(_)), Err(error)) => Err(error),
            (Some(first), _) => first,
        };
        self.replies[place] = Some(merged);
    }

    fn finish(
        self,
        connection: &ClusterConnection,
        operation: &'static str,
    ) -> StoreResult<Replies> {
        if let Some(failure) = self.failure.filter(|_| !self.has_replies) {
            return Err(failure);
        }
        let missing = || Err(connection.unexpected_reply(operation));
        Ok(self.replies.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect())
    }
}
