//! Attempts one thing that an isolated process must not do, with or without the isolation of `resize_image`.
//!
//! It ends with the code 0 if the attempt came back, also if it came back with an error. The isolation kills it before that.

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::{prctl, ptrace, signal};
use nix::unistd::{execv, getppid};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::{env, thread};
use tasks::jobs::resize_image::sandbox::isolate;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (isolation, attempt) = (arguments.next(), arguments.next().unwrap_or_default());
    let parent = getppid();
    if isolation.as_deref() == Some("isolated") {
        isolate().expect("this machine can isolate");
    }
    black_box(match &*attempt {
        "read a file" => File::open("/proc/self/status").is_ok(),
        "read the memory of the parent as a file" => {
            File::open(format!("/proc/{parent}/mem")).is_ok()
        }
        "list a folder" => fs::read_dir("/").is_ok(),
        "delete a file" => fs::remove_file("/nothing").is_ok(),
        "open a socket" => UdpSocket::bind("127.0.0.1:0").is_ok(),
        "open a pair of sockets" => UnixStream::pair().is_ok(),
        "open a pipe" => io::pipe().is_ok(),
        "copy a descriptor" => io::stdin().as_fd().try_clone_to_owned().is_ok(),
        "start a thread" => thread::Builder::new().spawn(|| ()).is_ok(),
        "start a process" => Command::new("/bin/true").status().is_ok(),
        "become a program" => execv(c"/nothing", &[c"nothing"]).is_ok(),
        "signal the parent" => signal::kill(parent, None).is_ok(),
        "signal itself" => signal::raise(signal::Signal::SIGURG).is_ok(),
        "trace" => ptrace::traceme().is_ok(),
        "read the memory of the parent" => {
            let mut byte = [0];
            let here = &mut [IoSliceMut::new(&mut byte)];
            let there = &[RemoteIoVec { base: 0x1000, len: 1 }];
            process_vm_readv(parent, here, there).is_ok()
        }
        "become dumpable" => prctl::set_dumpable(true).is_ok(),
        "raise a limit" => setrlimit(Resource::RLIMIT_CORE, 1, 1).is_ok(),
        "change the folder" => env::set_current_dir("/").is_ok(),
        "take a GiB" => black_box(Vec::<u8>::with_capacity(1 << 30)).is_empty(),
        "compute" => (0..1000).map(black_box).sum::<u64>() > 0,
        other => panic!("there is no attempt {other:?}"),
    });
    ExitCode::SUCCESS
}
