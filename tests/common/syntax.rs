//! What a Rust source file defines, imports and names; code for tests is left out.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ImplItem, Item, ItemUse, Macro, Meta, UseTree, Visibility};

/// The segments of a path, such as `["crate", "store", "Keys"]`.
pub type Segments = Vec<String>;

/// What a source file says.
#[derive(Default)]
pub struct Source {
    /// Modules that have files of their own.
    pub children: Vec<String>,
    /// Names of its items.
    pub items: BTreeSet<String>,
    /// Names that its `use` declarations bind, and the paths that they stand for.
    pub bindings: Vec<(String, Segments)>,
    /// Paths of its glob imports.
    pub globs: Vec<Segments>,
    /// Every path that is written in it, those of `use` declarations included.
    pub paths: BTreeSet<Segments>,
    /// Arguments of its attributes: `("arg", "env")` for `#[arg(long, env = "PORT")]`.
    pub arguments: BTreeSet<(String, String)>,
}

/// Reads a source file.
pub fn source(text: &str) -> syn::Result<Source> {
    let mut source = Source::default();
    source.visit_file(&syn::parse_file(text)?);
    Ok(source)
}

impl Source {
    /// Each path, with a name that a `use` binds replaced by the path that it stands for.
    pub fn full_paths(&self) -> impl Iterator<Item = String> {
        self.paths.iter().map(|path| {
            let binding = self.bindings.iter().find(|(name, _)| *name == path[0]);
            let start = binding.map_or_else(|| &path[..1], |(_, full)| full);
            [start, &path[1..]].concat().join("::")
        })
    }

    fn define(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return,
            },
            _ => return,
        };
        self.items.insert(name.to_string());
    }

    fn bind(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.bind(&path.tree, &with(&path.ident)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.bind(tree, before);
                }
            }
            UseTree::Glob(_) => {
                self.globs.push(before.to_owned());
                self.paths.insert(before.to_owned());
            }
            UseTree::Name(name) => self.import(with(&name.ident), None),
            UseTree::Rename(name) => self.import(with(&name.ident), Some(name.rename.to_string())),
        }
    }

    fn import(&mut self, mut path: Segments, name: Option<String>) {
        // `use store::{self as s}`.
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.unwrap_or_else(|| path[path.len() - 1].clone());
        self.paths.insert(path.clone());
        self.bindings.push((name, path));
    }

    /// Paths inside of the crate among tokens that have no grammar, those of a macro's arguments.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(name) if is_inside(&name.to_string()) => {
                    let path = path_at(&tokens[at..]);
                    if path.len() > 1 {
                        self.paths.insert(path);
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'a> Visit<'a> for Source {
    fn visit_file(&mut self, file: &'a File) {
        for item in &file.items {
            self.define(item);
            if let Item::Mod(module) = item
                && module.content.is_none()
                && !is_for_tests(&module.attrs)
            {
                self.children.push(module.ident.to_string());
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_item(&mut self, item: &'a Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        let is_for_tests = matches!(item, ImplItem::Fn(function) if is_for_tests(&function.attrs));
        if !is_for_tests {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.bind(&item.tree, &[]);
    }

    // `pub(super)` names a module that it does not use.
    fn visit_visibility(&mut self, _: &'a Visibility) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'a Macro) {
        visit::visit_macro(self, called);
        self.scan(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        let Meta::List(list) = &attribute.meta else { return };
        self.scan(list.tokens.clone());
        let name = list.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let mut is_start = true;
        for token in list.tokens.clone() {
            if is_start && let TokenTree::Ident(argument) = &token {
                self.arguments.insert((name.clone(), argument.to_string()));
            }
            is_start = matches!(&token, TokenTree::Punct(comma) if comma.as_char() == ',');
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |list: &syn::MetaList| list.tokens.to_string() == "test";
        attribute.path().is_ident("test")
            || matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("cfg") && is_test(list))
    })
}

fn is_inside(name: &str) -> bool {
    matches!(name, "crate" | "self" | "super")
}

/// The path that tokens begin with: names with `::` between them.
fn path_at(tokens: &[TokenTree]) -> Segments {
    let mut path = Segments::new();
    let mut colons = 2;
    for token in tokens {
        match token {
            TokenTree::Ident(name) if colons == 2 => {
                path.push(name.to_string());
                colons = 0;
            }
            TokenTree::Punct(colon) if colon.as_char() == ':' => colons += 1,
            _ => break,
        }
    }
    path
}
