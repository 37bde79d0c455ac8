//! Stand-ins for the two public base images, for a machine that reaches a Debian mirror but no container registry.
//!
//! The command builds them only when a pull fails. No released image is built on them. docs/containers.md lists what
//! they do not prove.
//!
//! - `stand-in/rust:RELEASE`: Debian bookworm with gcc, and the toolchain and CA roots of this machine.
//! - `stand-in/nginx:trixie`: the nginx of Debian trixie, with busybox for all other programs, as in Alpine.
//!
//! An existing image is kept. After `docker image rm` the next run builds it again.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, ensure};

use super::engine::Engine;
use crate::command::{command, from_line, output, said};

const NGINX: &str = "stand-in/nginx:trixie";
/// Arguments of apt-get that print the mirrors of this system. apt-get expands the variable.
const MIRRORS: [&str; 5] =
    ["indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian"];
const RUST_PATH: &str =
    "ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The folders of the public image that the sidecar's image removes or writes to.
const FOLDERS: [&str; 9] = [
    "bin",
    "etc/nginx/conf.d",
    "docker-entrypoint.d",
    "usr/sbin",
    "usr/share/nginx/html",
    "var/log/nginx",
    "var/cache/nginx",
    "run",
    "tmp",
];

/// Builds the missing stand-ins. Returns the names of the builder and of the sidecar's base.
pub(super) fn build(engine: &Engine, release: &str, folder: &Path) -> anyhow::Result<[String; 2]> {
    ensure!(engine.has("debootstrap"), "debootstrap is not installed");
    let mirrors = output(command("apt-get").args(MIRRORS))?;
    let mirror =
        mirrors.lines().next().context("apt lists no Debian mirror: run apt-get update")?;
    let stand_in = StandIn { engine, folder: &folder.join("stand-in"), mirror };
    let _ = fs::remove_dir_all(stand_in.folder);
    fs::create_dir_all(stand_in.folder)?;
    let rust = format!("stand-in/rust:{release}");
    // Build both in parallel: each mostly waits for the mirror.
    let built = thread::scope(|scope| {
        let build_nginx = scope.spawn(|| stand_in.unless_there(NGINX, || stand_in.nginx()));
        let built = stand_in.unless_there(&rust, || stand_in.rust(&rust));
        built.and(build_nginx.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    fs::remove_dir_all(stand_in.folder)?;
    built.map(|()| [rust.clone(), NGINX.to_owned()])
}

struct StandIn<'a> {
    engine: &'a Engine,
    folder: &'a Path,
    mirror: &'a str,
}

impl StandIn<'_> {
    fn unless_there(
        &self,
        image: &str,
        build: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let outcome = if self.engine.docker("image inspect", &[image]).is_ok() {
            "kept"
        } else {
            build().with_context(|| image.to_owned())?;
            "built with debootstrap"
        };
        println!("STAND-IN: {image} {outcome}");
        Ok(())
    }

    /// A release of Debian with these packages.
    fn debian(&self, release: &str, packages: &str) -> anyhow::Result<PathBuf> {
        let tree = self.folder.join(release);
        let mut debootstrap = self.engine.command("debootstrap --variant=minbase");
        debootstrap.arg(format!("--include={packages}")).arg(release).arg(&tree).arg(self.mirror);
        said(&mut debootstrap)?;
        for folder in ["var/cache/apt", "var/lib/apt/lists"] {
            fs::remove_dir_all(tree.join(folder))?;
        }
        Ok(tree)
    }

    /// Imports a tree as an image.
    fn import(&self, tree: &Path, image: &str, changes: &[&str]) -> anyhow::Result<()> {
        let mut tar = from_line("tar --create .");
        let mut tar = tar.current_dir(tree).stdout(Stdio::piped()).spawn().context("tar")?;
        let mut import = self.engine.command("docker import");
        import.args(changes.iter().flat_map(|change| ["--change", change])).args(["-", image]);
        let status =
            import.stdin(tar.stdout.take().context("a pipe")?).stdout(Stdio::null()).status();
        ensure!(tar.wait()?.success() & status?.success(), "docker import failed");
        Ok(())
    }

    fn rust(&self, image: &str) -> anyhow::Result<()> {
        let root = self.debian("bookworm", "gcc,libc6-dev,ca-certificates")?;
        let toolchain = output(&mut from_line("rustc --print sysroot"))?;
        let toolchain = Path::new(toolchain.trim());
        let rust = root.join("usr/local/rust");
        fs::create_dir_all(rust.join("bin"))?;
        for program in ["bin/rustc", "bin/cargo"] {
            fs::copy(toolchain.join(program), rust.join(program))?;
        }
        said(command("cp").arg("-a").args([toolchain.join("lib"), rust]))?;
        // This machine can need its own certificate authority to reach crates.io.
        let roots = "etc/ssl/certs/ca-certificates.crt";
        let own =
            env::var_os("SSL_CERT_FILE").map_or_else(|| Path::new("/").join(roots), PathBuf::from);
        fs::copy(own, root.join(roots))?;
        self.import(&root, image, &[RUST_PATH, "ENV CARGO_HOME=/usr/local/cargo"])
    }

    fn nginx(&self) -> anyhow::Result<()> {
        let (tree, root) =
            (self.debian("trixie", "nginx,busybox-static")?, self.folder.join("nginx"));
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::set_permissions(root.join("tmp"), Permissions::from_mode(0o1777))?;
        symlink("../run", root.join("var/run"))?;

        let ldd = output(chroot(&tree).args(["ldd", "/usr/sbin/nginx"]))?;
        let libraries: Vec<&str> =
            ldd.split_whitespace().filter(|word| word.starts_with('/')).collect();
        ensure!(!libraries.is_empty(), "ldd lists no library of nginx");
        for library in libraries {
            // The tree has links with absolute targets, so they are resolved inside it.
            let real = output(chroot(&tree).args(["readlink", "-f", library]))?;
            let from = tree.join(real.trim().trim_start_matches('/'));
            let to = root.join(library.trim_start_matches('/'));
            fs::create_dir_all(to.parent().context("a library is in a folder")?)?;
            fs::copy(from, to)?;
        }
        for file in
            ["usr/sbin/nginx", "bin/busybox", "etc/nginx/nginx.conf", "etc/nginx/mime.types"]
        {
            fs::copy(tree.join(file), root.join(file))?;
        }
        said(chroot(&root).args(["/bin/busybox", "--install", "-s", "/bin"]))?;
        for (file, text) in [
            (
                "etc/passwd",
                "root:x:0:0:root:/:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/sbin/nologin\n",
            ),
            ("etc/group", "root:x:0:\nnginx:x:101:\n"),
            // The public image has a default site, and links its logs to the standard streams.
            ("etc/nginx/conf.d/default.conf", "server { listen 8080; }\n"),
        ] {
            fs::write(root.join(file), text)?;
        }
        for (log, stream) in [("access", "stdout"), ("error", "stderr")] {
            let log = root.join("var/log/nginx").join(log).with_extension("log");
            symlink(Path::new("/dev").join(stream), log)?;
        }
        self.import(&root, NGINX, &["USER 101", "EXPOSE 8080"])
    }
}

fn chroot(root: &Path) -> Command {
    let mut chroot = command("chroot");
    chroot.arg(root);
    chroot
}
