//! Manifests from files, folders and standard input.
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where manifests are read from.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// File, folder, or `-` for standard input; may be given several times.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true)]
    filename: Vec<PathBuf>,
    /// Look into the folders of a folder, too.
    #[arg(short = 'R', long)]
    recursive: bool,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The file as it was given or found; `<stdin>` for standard input.
    pub name: String,
    /// What it says.
    pub text: String,
}

const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

impl Files {
    /// These files and folders; with the folders of folders when it is `recursive`.
    pub fn new(filename: Vec<PathBuf>, recursive: bool) -> Self {
        Self { filename, recursive }
    }

    /// Reads all of them; the files of a folder by name.
    ///
    /// # Errors
    /// The first that cannot be read, or a folder without manifests.
    pub fn read(&self) -> Result<Vec<Manifest>, String> {
        let mut manifests = Vec::new();
        for path in &self.filename {
            if path.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|error| format!("cannot read standard input: {error}"))?;
                manifests.push(Manifest { name: "<stdin>".to_owned(), text });
            } else if path.is_dir() {
                let mut found = Vec::new();
                self.collect(path, &mut found)?;
                if found.is_empty() {
                    let hint = if self.recursive { "" } else { "; -R looks into its folders, too" };
                    return Err(format!("{} has no *.yaml, *.yml or *.json{hint}", path.display()));
                }
                for path in found {
                    manifests.push(read(&path)?);
                }
            } else {
                manifests.push(read(path)?);
            }
        }
        Ok(manifests)
    }

    fn collect(&self, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
        let entries = fs::read_dir(folder).map_err(|error| refused(folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let manifest = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
            if path.is_dir() {
                if self.recursive && !hidden {
                    self.collect(&path, found)?;
                }
            } else if manifest && !hidden {
                found.push(path);
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Manifest, String> {
    let text = fs::read_to_string(path).map_err(|error| refused(path, &error))?;
    Ok(Manifest { name: path.display().to_string(), text })
}

fn refused(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
