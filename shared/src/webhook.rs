//! Stub.
#[derive(Clone,Debug)] pub struct AddressRules;
#[derive(Clone,Debug)] pub struct WebhookUrl;
impl WebhookUrl { pub fn parse(_: &str, _: &AddressRules) -> Result<Self, std::fmt::Error> { Ok(Self) } }
#[derive(Clone,Debug)] pub struct Sender; impl Sender { pub async fn post(&self, _: &WebhookUrl, _: &[(&str, String)], _: bytes::Bytes) -> Result<u16, std::fmt::Error> { Ok(1) } }
#[derive(Clone,Debug)] pub struct Signer; impl Signer { pub fn sign(&self, _:&str, _: i64, _:&[u8]) -> String { String::new() } }
#[derive(Clone,Copy,Debug)] pub enum Verdict { Delivered, Retry, Gone } impl Verdict { pub fn of(_: u16) -> Self { Self::Gone } }
pub fn retry_delay(_: u32) -> Option<std::time::Duration> { None }
pub fn webhook_id(_:&str,_:&str,_:u32)->String { String::new() }
