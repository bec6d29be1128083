use std::time::Instant; use std::sync::Mutex;
use buttress::optim::assess::{Progress,Options,assess};
struct P(Mutex<(Instant,String)>);
impl Progress for P{ fn stage(&self,n:&str,k:usize){ let mut g=self.0.lock().unwrap(); eprintln!("{} took {:?}; next {n} {k}",g.1,g.0.elapsed()); *g=(Instant::now(),n.into()); } fn step(&self){} }
fn main(){ let case=buttress::load(None).unwrap(); let p=P(Mutex::new((Instant::now(),"start".into()))); let a=assess(&case,&Default::default(),&Options{budget_meur:Some(2000.0),threads:2},&p); p.stage("end",0); eprintln!("{}",a.n_runs); }
