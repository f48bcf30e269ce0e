//! archive-events: however often, in whatever order and by whichever process events are delivered, the same frames count,
//! and each record names objects that exist.

mod crashes;
mod deliveries;
mod events;
mod metrics;
mod problems;
mod redaction;
mod world;
