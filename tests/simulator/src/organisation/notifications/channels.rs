//! The client's channels: at most 20, each for a day, each with its subscriptions.

use std::collections::HashSet;

use jiff::Timestamp;

use super::topics::Subscription;
use crate::live::LiveSettings;
use crate::live::sockets::SocketId;
use crate::organisation::interval::after;

#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// In the order of creation.
    all: Vec<Channel>,
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) expires: Timestamp,
    last_used: Timestamp,
    /// In the order in which they were added.
    subscriptions: Vec<Subscription>,
    topics: HashSet<String>,
    pub(crate) socket: Option<SocketId>,
    /// Number of PUTs of its subscriptions.
    pub(crate) replacements: u64,
}

impl Channels {
    pub(crate) fn all(&self) -> &[Channel] {
        &self.all
    }

    /// Adds a channel. Returns the one that it evicts.
    pub(crate) fn create(
        &mut self,
        id: String,
        settings: &LiveSettings,
        now: Timestamp,
    ) -> Option<Channel> {
        let evicted = (self.all.len() >= settings.channels_max)
            .then(|| self.least_recently_used())
            .flatten();
        let evicted = evicted.map(|index| self.all.remove(index));
        self.all.push(Channel {
            id,
            expires: after(now, settings.channel_lifetime),
            last_used: now,
            subscriptions: Vec::new(),
            topics: HashSet::new(),
            socket: None,
            replacements: 0,
        });
        evicted
    }

    /// Channels without a socket come first; among equals, the oldest.
    fn least_recently_used(&self) -> Option<usize> {
        let channels = self.all.iter().enumerate();
        let oldest = channels.min_by_key(|(index, it)| (it.socket.is_some(), it.last_used, *index));
        oldest.map(|(index, _)| index)
    }

    /// Removes and returns the channels whose life is over.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Channel> {
        self.all.extract_if(.., |it| it.expires <= now).collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Channel> {
        self.all.iter().find(|it| it.id == id)
    }

    /// The channel, which counts as used now.
    pub(crate) fn touch(&mut self, id: &str, now: Timestamp) -> Option<&mut Channel> {
        let channel = self.all.iter_mut().find(|it| it.id == id)?;
        channel.last_used = now;
        Some(channel)
    }

    /// Removes a topic from a channel. Returns whether the channel had it.
    pub(crate) fn unsubscribe(&mut self, id: &str, topic: &str) -> bool {
        let channel = self.all.iter_mut().find(|it| it.id == id);
        channel.is_some_and(|it| it.unsubscribe(topic))
    }

    /// Forgets the socket, unless its channel has another one by now.
    pub(crate) fn disconnect(&mut self, socket: SocketId) {
        for channel in &mut self.all {
            channel.socket = channel.socket.filter(|it| *it != socket);
        }
    }
}

impl Channel {
    pub(crate) fn hears(&self, topic: &str) -> bool {
        self.topics.contains(topic)
    }

    pub(crate) fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Replaces the subscriptions. The channel's life begins anew.
    pub(crate) fn replace(
        &mut self,
        subscriptions: Vec<Subscription>,
        settings: &LiveSettings,
        now: Timestamp,
    ) {
        self.replacements += 1;
        self.expires = after(now, settings.channel_lifetime);
        self.set(subscriptions);
    }

    pub(crate) fn set(&mut self, subscriptions: Vec<Subscription>) {
        let topics = subscriptions
            .iter()
            .flat_map(|it| it.topics.iter().cloned());
        self.topics = topics.collect();
        self.subscriptions = subscriptions;
    }

    fn unsubscribe(&mut self, topic: &str) -> bool {
        let had_it = self.topics.contains(topic);
        let mut rest = std::mem::take(&mut self.subscriptions);
        for subscription in &mut rest {
            subscription.topics.retain(|it| it != topic);
        }
        rest.retain(|it| !it.topics.is_empty());
        self.set(rest);
        had_it
    }
}
