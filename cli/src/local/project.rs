//! The checkout from which the deployed functions are built.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// The root folder of the checkout.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the nearest folder that contains the template, from `from` upwards.
    pub(crate) fn find(from: &Path) -> Result<Self, Problem> {
        let has_template = |folder: &&Path| folder.join("infra/template.yaml").is_file();
        let Some(root) = from.ancestors().find(has_template) else {
            let message = format!(
                "{} is not in a checkout of Genesys Conversation Archive: there is no infra/template.yaml",
                from.display()
            );
            return Err(Problem::refused(message)
                .with_hint("change into the checkout: the functions are built from it"));
        };
        Ok(Self {
            root: root.to_owned(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The deployment's folder, unless the user gives another one.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// The files and folders from which the stack is built and deployed.
    pub(crate) fn sources(&self) -> [PathBuf; 5] {
        [
            "Cargo.toml",
            "Cargo.lock",
            "functions",
            "shared",
            "infra/template.yaml",
        ]
        .map(|name| self.root.join(name))
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.scripts().join("template.yaml")
    }

    pub(crate) fn scripts(&self) -> PathBuf {
        self.root.join("infra")
    }

    pub(crate) fn requirements(&self) -> PathBuf {
        self.scripts().join("local/requirements.txt")
    }

    pub(crate) fn deploy_script(&self) -> PathBuf {
        self.scripts().join("local/deploy.py")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_found_from_a_folder_inside_the_checkout() {
        let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");

        let project = Project::find(&inside).unwrap();

        assert!(project.template().is_file());
        assert!(project.requirements().is_file());
        assert!(project.deploy_script().is_file());
    }

    #[test]
    fn outside_the_checkout_the_error_has_a_hint() {
        let elsewhere = tempfile::tempdir().unwrap();

        let problem = Project::find(elsewhere.path()).unwrap_err();

        assert!(problem.message.ends_with("there is no infra/template.yaml"));
        assert!(problem.hint.is_some());
    }
}
