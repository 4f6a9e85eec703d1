//! Windows: by name in WINDOW, or written out in OVER.

use pg_query::{
    NodeEnum,
    protobuf::{Node, WindowDef},
};

use super::{
    Binder, Bound,
    flow::{Flow, INT8},
    gap,
    scope::Env,
};
use crate::{catalog::code::CastContext, lineage::GapKind};

/// `FRAMEOPTION_ROWS` and `FRAMEOPTION_GROUPS`
const ROWS: i32 = 0x4;
const GROUPS: i32 = 0x8;

/// The windows that a query level names.
#[derive(Debug, Default)]
pub(super) struct Windows<'a>(Vec<&'a WindowDef>);

impl<'a> Windows<'a> {
    pub(super) fn of(clause: &'a [Node]) -> Bound<Self> {
        let mut windows = Vec::new();
        for node in clause {
            match &node.node {
                Some(NodeEnum::WindowDef(window)) => windows.push(&**window),
                _ => return Err(gap(GapKind::NotReviewed, "an item of WINDOW")),
            }
        }
        Ok(Self(windows))
    }

    fn named(&self, name: &str) -> Option<&'a WindowDef> {
        self.0.iter().find(|window| window.name == name).copied()
    }
}

impl<'a> Binder<'a> {
    /// Adds what a window decides: its partitions, order and frame, and those of the window that it is
    /// built on.
    pub(super) fn over(&mut self, window: &'a WindowDef, here: Env<'_, 'a>, flow: &mut Flow) -> Bound<()> {
        let mut window = window;
        // A window can only be built on an earlier one, so this ends.
        for _ in 0..=here.windows.map_or(0, |windows| windows.0.len()) {
            self.window(window, here, flow)?;
            let base = match (window.refname.as_str(), window.name.as_str()) {
                ("", "") => return Ok(()),
                ("", name) if self.is_defined_here(window, here) => {
                    let _ = name;
                    return Ok(());
                }
                ("", name) | (name, _) => name,
            };
            let Some(next) = here.windows.and_then(|windows| windows.named(base)) else {
                return Err(gap(GapKind::UnknownObject, format!("the window {base} is not known")));
            };
            window = next;
        }
        Err(gap(GapKind::NotReviewed, "a window that is built on itself"))
    }

    /// A window that no function uses decides and runs nothing, but the server asks for the right to read
    /// what it names.
    pub(super) fn unused_windows(&mut self, windows: &Windows<'a>, here: Env<'_, 'a>) -> Bound<()> {
        for window in &windows.0 {
            self.apart(|binder| {
                let mut flow = Flow::default();
                binder.window(window, here, &mut flow).map(|()| flow)
            })?;
        }
        Ok(())
    }

    fn is_defined_here(&self, window: &WindowDef, here: Env<'_, 'a>) -> bool {
        here.windows.is_some_and(|windows| windows.0.iter().any(|own| std::ptr::eq(*own, window)))
    }

    fn window(&mut self, window: &'a WindowDef, here: Env<'_, 'a>, flow: &mut Flow) -> Bound<()> {
        for node in &window.partition_clause {
            let by = self.expression(node, here)?;
            flow.depend(&by);
        }
        for node in &window.order_clause {
            let by = self.sort_key(node, here)?;
            flow.depend(&by);
        }
        for node in [&window.start_offset, &window.end_offset].into_iter().flatten() {
            let by = self.expression(node, here)?;
            // ROWS and GROUPS count; RANGE measures in the type of the order.
            if window.frame_options & (ROWS | GROUPS) != 0 {
                self.convert(by.type_oid, INT8, CastContext::Implicit);
                self.settle(flow);
            }
            flow.depend(&by);
        }
        Ok(())
    }

    /// What an item of ORDER BY orders by, where only an expression can stand.
    pub(super) fn sort_key(&mut self, node: &'a Node, here: Env<'_, 'a>) -> Bound<Flow> {
        match &node.node {
            Some(NodeEnum::SortBy(sort)) => match sort.node.as_deref() {
                Some(node) => self.expression(node, here),
                None => Err(gap(GapKind::NotReviewed, "an empty item of ORDER BY")),
            },
            _ => Err(gap(GapKind::NotReviewed, "an item of ORDER BY")),
        }
    }
}
