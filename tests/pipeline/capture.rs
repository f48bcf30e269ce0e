//! `stream`: what a process that captures live events over sockets stores, and that nothing is missing without a gap.

mod account;
mod direct;
mod disturbed;
mod failing;
mod handover;
mod unfinished;
