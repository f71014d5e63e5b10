//! Images without a registry: built with buildah, kept as archives in the cache, found again by their tag.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::command::{command, run};
use crate::parts::{self, Need, with_progress};
use crate::{Error, files, machine};

/// What has to lie beside a Dockerfile before it can be built.
#[derive(Clone, Copy)]
enum Ingredient {
    None,
    /// A static program compiled from this C file.
    Compiled {
        source: &'static str,
        program: &'static str,
    },
    /// The root file system of a minimal Debian.
    Debian,
}

/// An image that every full cluster has.
struct BaseImage {
    tag: &'static str,
    folder: &'static str,
    ingredient: Ingredient,
    /// Whether it is put on the nodes, or only built upon.
    on_nodes: bool,
}

/// The image that holds the namespaces of each pod.
pub(crate) const PAUSE: &str = "localhost/pause:1";
/// The image with a shell, also used to prepare volumes.
pub(crate) const BUSYBOX: &str = "localhost/busybox:1";

const DEBIAN_SUITE: &str = "bookworm";

const fn base(tag: &'static str, folder: &'static str, ingredient: Ingredient, on_nodes: bool) -> BaseImage {
    BaseImage { tag, folder, ingredient, on_nodes }
}

/// In the order of building: an image stands after the one it starts from.
const BASE_IMAGES: &[BaseImage] = &[
    base(PAUSE, "pause", Ingredient::Compiled { source: "pause.c", program: "pause" }, true),
    base("localhost/debian:12", "debian", Ingredient::Debian, false),
    base(BUSYBOX, "busybox", Ingredient::None, true),
    base("localhost/postgres:15", "postgres", Ingredient::None, true),
    base("localhost/redis:7", "redis", Ingredient::None, true),
    base("localhost/rabbitmq:3", "rabbitmq", Ingredient::None, true),
];

/// What `cluster build-image` was asked to build.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recipe {
    pub(crate) tag: String,
    pub(crate) dockerfile: Option<PathBuf>,
    pub(crate) target: Option<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) context: PathBuf,
}

/// The archive of an image that was built here.
pub(crate) fn archive(tag: &str) -> PathBuf {
    let name: String = tag.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect();
    files::cache().join("images").join(format!("{name}.tar"))
}

/// The archive of an image, or advice when it was never built.
pub(crate) fn built_archive(tag: &str) -> Result<PathBuf, Error> {
    let path = archive(tag);
    if path.exists() {
        return Ok(path);
    }
    Err(Error::request(
        format!("there is no image `{tag}` on this machine"),
        format!("`cluster build-image -t {tag} CONTEXT` builds it; `cluster images` builds the base images"),
    ))
}

/// Tags of the base images that belong on every node.
pub(crate) fn tags_on_nodes() -> Vec<&'static str> {
    BASE_IMAGES.iter().filter(|image| image.on_nodes).map(|image| image.tag).collect()
}

/// Makes everything ready to build upon: the tools and the base images.
pub(crate) fn prepare() -> Result<(), Error> {
    machine::check_for_images()?;
    parts::ensure(&[Need::Images])?;
    ensure_base_images()
}

/// Builds the base images whose recipe changed since they were built.
fn ensure_base_images() -> Result<(), Error> {
    let _lock = files::lock(&files::cache().join("images.lock"))?;
    let mut known = Sha256::new();
    for image in BASE_IMAGES {
        let folder = recipes().join(image.folder);
        // Part of the hash: everything before, so that an image is built again when what it starts from changed.
        hash_folder(&mut known, &folder)?;
        let recipe = files::hex(&known.clone().finalize());
        let mark = archive(image.tag).with_extension("recipe");
        if archive(image.tag).exists() && files::read(&mark).is_ok_and(|built| built == recipe) {
            continue;
        }
        with_progress(&format!("image {}", image.tag), || build_base(image, &folder))?;
        files::write(&mark, recipe)?;
    }
    Ok(())
}

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("images")
}

fn hash_folder(hash: &mut Sha256, folder: &Path) -> Result<(), Error> {
    for name in files::names_in(folder) {
        hash.update(name.as_bytes());
        hash.update(files::read(&folder.join(&name))?.as_bytes());
    }
    Ok(())
}

fn build_base(image: &BaseImage, folder: &Path) -> Result<(), Error> {
    let context = files::cache().join("tmp").join(format!("image-{}", image.folder));
    files::remove_folder(&context)?;
    files::make_folder(&context)?;
    run(command("cp", ["-r"]).arg(folder.join(".")).arg(&context))?;
    add_ingredient(image.ingredient, &context)?;
    build(&Recipe { tag: image.tag.to_owned(), context: context.clone(), ..Recipe::default() })?;
    files::remove_folder(&context)
}

fn add_ingredient(ingredient: Ingredient, context: &Path) -> Result<(), Error> {
    match ingredient {
        Ingredient::None => Ok(()),
        Ingredient::Compiled { source, program } => {
            let mut compiler = command("cc", ["-static", "-Os", "-s", "-o"]);
            run(compiler.arg(context.join(program)).arg(context.join(source))).map(drop)
        }
        Ingredient::Debian => bootstrap_debian(context),
    }
}

fn bootstrap_debian(context: &Path) -> Result<(), Error> {
    let root = context.join("rootfs");
    let mut debootstrap = command("debootstrap", ["--variant=minbase", DEBIAN_SUITE]);
    run(debootstrap.arg(&root))?;
    run(command("tar", ["--one-file-system", "-cf"]).arg(context.join("rootfs.tar")).arg("-C").arg(&root).arg("."))?;
    files::remove_folder(&root)
}

/// Builds an image and puts its archive into the cache.
pub(crate) fn build(recipe: &Recipe) -> Result<PathBuf, Error> {
    let fresh = archive(&recipe.tag).with_extension("new");
    files::make_folder(&files::cache().join("images"))?;
    drop(std::fs::remove_file(&fresh));
    let mut bud = buildah()?;
    bud.args(["bud", "--quiet", "--pull=false", "--isolation=chroot", "--layers=false", "--tag", &recipe.tag]);
    if let Some(dockerfile) = &recipe.dockerfile {
        bud.arg("--file").arg(dockerfile);
    }
    if let Some(target) = &recipe.target {
        bud.args(["--target", target]);
    }
    for argument in &recipe.arguments {
        bud.args(["--build-arg", argument]);
    }
    run(bud.arg(&recipe.context))?;
    let destination = format!("docker-archive:{}:{}", fresh.display(), recipe.tag);
    run(buildah()?.args(["push", "--quiet", &recipe.tag, &destination]))?;
    files::rename(&fresh, &archive(&recipe.tag))?;
    forget_replaced_images()?;
    Ok(archive(&recipe.tag))
}

/// A tag that was built again leaves its former image without a name; with whole copies per image that adds up.
fn forget_replaced_images() -> Result<(), Error> {
    run(buildah()?.args(["rmi", "--prune"])).map(drop)
}

fn buildah() -> Result<Command, Error> {
    let folder = files::cache().join("buildah");
    files::write(&folder.join("registries.conf"), "unqualified-search-registries = []\n")?;
    let mut buildah = command("buildah", ["--storage-driver=vfs"]);
    buildah.arg("--root").arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
    buildah.arg("--registries-conf").arg(folder.join("registries.conf"));
    Ok(buildah)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_again_by_its_tag() {
        let path = archive("localhost/shop/web:1.0");
        assert!(path.ends_with("images/localhost_shop_web_1.0.tar"), "{}", path.display());
    }

    #[test]
    fn an_image_that_was_never_built_is_refused_with_the_command_that_builds_it() {
        let message = built_archive("localhost/never:1").unwrap_err().to_string();
        assert!(message.contains("cluster build-image -t localhost/never:1"), "{message}");
    }

    #[test]
    fn every_base_image_has_a_recipe() {
        for image in BASE_IMAGES {
            assert!(recipes().join(image.folder).join("Dockerfile").exists(), "{}", image.tag);
        }
    }
}
