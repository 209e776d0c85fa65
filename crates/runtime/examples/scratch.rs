//! x
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::print_stdout)]
use std::sync::Arc; use std::time::*; use bytes::Bytes; use futures::future::BoxFuture; use lattice_runtime::*;
struct H;
impl Imports for H {
    fn host_call(&self, c: HostCall) -> BoxFuture<'_, Result<Bytes, String>> { println!("HOST {} {} {} {:?}", c.binding, c.namespace, c.operation, c.payload); Box::pin(async { Ok(Bytes::new()) }) }
    fn console_log(&self, t: &str) { println!("LOG {t}"); }
}
#[tokio::main(flavor="current_thread")]
async fn main() {
    let rt = Runtime::new(RuntimeConfig::default().compiled_dir("/tmp/rtcache")).unwrap();
    let mut args = std::env::args().skip(1);
    let bytes = std::fs::read(args.next().unwrap()).unwrap();
    let op = args.next().unwrap(); let payload = std::fs::read(args.next().unwrap()).unwrap();
    let m = rt.compile(bytes.into(), &op).await.unwrap();
    println!("{:?} cache {} needs {} pooled {}", m.compile_time(), m.from_cache(), m.memory_needed(), m.is_pooled());
    let a = Actor::new(&rt, &m, &ActorSettings::default(), Arc::new(H)).unwrap();
    for _ in 0..2 { println!("{:?}", a.call(Call::new(&op, payload.clone(), CallContext::new(Instant::now()+Duration::from_secs(5)))).await); }
}
