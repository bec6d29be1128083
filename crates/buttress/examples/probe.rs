use std::time::Instant;
use buttress::engine::{cascade::{Base,Keep,run},compile::World};
use buttress::model::{Change,Study};
fn main(){
 let t=Instant::now(); let case=buttress::load(None).unwrap(); println!("load {:?}",t.elapsed());
 let t=Instant::now(); let w=World::compile(&case,&Study::default(),&[]); println!("compile {:?}",t.elapsed());
 let t=Instant::now(); let b=Base::new(&w); println!("base {:?} stretches {}",t.elapsed(),b.gas.len());
 let t=Instant::now(); for s in b.gas.iter().take(20){ let mut st=w.gas.intact(w.zones.len(),0.9); st.stored=s.stored.clone(); st.tank=s.tank.clone(); std::hint::black_box(w.gas.solve(&st)); } println!("gas solve x20 {:?}",t.elapsed());
 for s in b.gas.iter().take(400).step_by(7){ print!("{:.1}({:.2}) ",s.t_h/24.0, s.stored.iter().sum::<f64>()/1e6);} println!();
 let mut by: std::collections::BTreeMap<String,(usize,f64,f64,usize)>=Default::default();
 let step: usize = std::env::args().nth(1).and_then(|x|x.parse().ok()).unwrap_or(20);
 for i in (0..case.assets().len()).step_by(step){ let a=&case.assets()[i]; if !a.in_service {continue}
  let t=Instant::now(); let o=run(&w,&b,&[Change::take_out(&a.key)],Keep::default(),1); let dt=t.elapsed().as_secs_f64();
  let e=by.entry(a.kind.clone()).or_default(); e.0+=1; e.1+=dt; e.2=e.2.max(dt); e.3+=o.n_programs as usize; }
 let mut tot=0.0; for (k,v) in &by { println!("{k:20} n {:5} mean {:8.3} ms max {:8.3} ms lp {}",v.0,v.1/v.0 as f64*1e3,v.2*1e3,v.3); tot+=v.1;} println!("total x{step}: {:.1} s",tot*step as f64);
}
