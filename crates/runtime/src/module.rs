//! [`Module`]: compiled code that was found fit to be an actor.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use wasmtime::{
    Engine, ExternType, FuncType, ImportType, InstancePre, Linker, Memory, MemoryType, ModuleExport, Store, TypedFunc,
    UnknownImportError,
};

use crate::abi::{GUEST_CALL, INITIALISERS, MEMORY};
use crate::compile::blocking;
use crate::defaults::IMPORTED_MEMORY_PAGES;
use crate::engine::{Host, Slot};
use crate::error::CompileError;
use crate::guest::Guest;
use crate::limits::TABLE_ELEMENT;
use crate::runtime::RuntimeInner;
use crate::wasi;

/// Bytes of a page of WebAssembly memory.
const PAGE: u64 = 64 << 10;

/// A compiled module that can become an [`Actor`](crate::Actor). Clones share the code.
#[derive(Clone, Debug)]
pub struct Module {
    pub(crate) inner: Arc<ModuleInner>,
}

#[derive(Debug)]
pub(crate) struct ModuleInner {
    pub(crate) digest: String,
    pub(crate) from_cache: bool,
    pub(crate) compile_time: Duration,
    /// Absent if the module is beyond the limits of the pool.
    pub(crate) pooled: Option<Loaded>,
    /// Loaded when first needed.
    pub(crate) on_demand: OnceCell<Loaded>,
    pub(crate) needs: Needs,
}

/// What an instance takes before its first instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    pub(crate) memory: usize,
    pub(crate) wasi: bool,
}

/// A module in one of the engines, ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) module: wasmtime::Module,
    linkage: Linkage,
    guest_call: ModuleExport,
    initialisers: Vec<ModuleExport>,
}

enum Linkage {
    /// All imports are the same for every instance.
    Once(InstancePre<Guest>),
    /// A memory is made for each instance.
    PerInstance { linker: Linker<Guest>, module: String, memory: MemoryType },
}

/// The functions of one instance that the host calls.
pub(crate) struct Entries {
    pub(crate) guest_call: TypedFunc<(u32, u32), i32>,
    pub(crate) initialisers: Vec<TypedFunc<(), ()>>,
}

impl Module {
    /// The digest under which the module was compiled.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// Whether the code came from the cache instead of the compiler.
    #[must_use]
    pub fn from_cache(&self) -> bool {
        self.inner.from_cache
    }

    /// How long it took to compile, or to load from the cache.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.inner.compile_time
    }

    /// Bytes of memory and tables that an instance takes before its first instruction.
    #[must_use]
    pub fn memory_needed(&self) -> usize {
        self.inner.needs.memory
    }

    /// Whether instances come from the pool; a module beyond its limits is slower to call.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.inner.pooled.is_some()
    }
}

impl Module {
    /// The code to make an instance from, and the slot of the pool that the instance takes, if it takes one.
    pub(crate) async fn loaded(
        &self,
        runtime: &Arc<RuntimeInner>,
        kept: bool,
    ) -> Result<(&Loaded, Option<Slot>), Box<dyn std::error::Error + Send + Sync>> {
        if !kept
            && let (Some(loaded), Some(pool)) = (&self.inner.pooled, &runtime.engines.pool)
            && let Some(slot) = pool.slot()
        {
            return Ok((loaded, Some(slot)));
        }
        Ok((self.inner.on_demand.get_or_try_init(|| self.load_on_demand(Arc::clone(runtime))).await?, None))
    }

    async fn load_on_demand(&self, runtime: Arc<RuntimeInner>) -> Result<Loaded, CompileError> {
        let module = self.clone();
        blocking(move || {
            let pooled = module.inner.pooled.as_ref().expect("a module is loaded in one engine at least");
            let host = &runtime.engines.on_demand;
            load_again(&pooled.module, host)
        })
        .await?
    }
}

impl Needs {
    pub(crate) fn of(module: &wasmtime::Module) -> Self {
        let resources = module.resources_required();
        let tables = resources.max_initial_table_size.unwrap_or(0).saturating_mul(TABLE_ELEMENT as u64);
        let own = resources.max_initial_memory_size.unwrap_or(0);
        let imported = imported_memory(module).map_or(0, |import| offered(import.memory).minimum());
        let bytes = own.max(imported).saturating_mul(PAGE).saturating_add(tables);
        Self {
            memory: usize::try_from(bytes).unwrap_or(usize::MAX),
            wasi: module.imports().any(|import| wasi::IMPORT_MODULES.contains(&import.module())),
        }
    }
}

impl Loaded {
    /// Checks that the module is an actor and links it to what the host offers.
    pub(crate) fn new(host: &Host, module: wasmtime::Module) -> Result<Self, CompileError> {
        let guest_call = exported(&module, GUEST_CALL, "(i32, i32) -> i32")?.ok_or(CompileError::NoGuestCall)?;
        let mut initialisers = Vec::new();
        for name in INITIALISERS {
            initialisers.extend(exported(&module, name, "() -> ()")?);
        }
        let linkage = Linkage::new(&host.linker, &module)?;
        Ok(Self { module, linkage, guest_call, initialisers })
    }

    /// Makes an instance and finds its functions.
    pub(crate) async fn instantiate(&self, store: &mut Store<Guest>) -> wasmtime::Result<Entries> {
        let instance = match &self.linkage {
            Linkage::Once(pre) => pre.instantiate_async(&mut *store).await?,
            Linkage::PerInstance { linker, module, memory } => {
                let mut linker = linker.clone();
                let memory = Memory::new_async(&mut *store, memory.clone()).await?;
                store.data_mut().memory = Some(memory);
                linker.define(&mut *store, module, MEMORY, memory)?;
                linker.instantiate_async(&mut *store, &self.module).await?
            }
        };
        let mut function = |export: &ModuleExport| {
            let export = instance.get_module_export(&mut *store, export);
            export.and_then(wasmtime::Extern::into_func).expect("the export was found when the module was loaded")
        };
        let guest_call = function(&self.guest_call);
        let initialisers: Vec<_> = self.initialisers.iter().map(function).collect();
        Ok(Entries {
            guest_call: guest_call.typed(&*store)?,
            initialisers: initialisers.iter().map(|function| function.typed(&*store)).collect::<Result<_, _>>()?,
        })
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").finish_non_exhaustive()
    }
}

impl Linkage {
    fn new(linker: &Linker<Guest>, module: &wasmtime::Module) -> Result<Self, CompileError> {
        let Some(import) = imported_memory(module) else {
            return linker.instantiate_pre(module).map(Self::Once).map_err(import_error);
        };
        let memory = offered(import.memory);
        check_with_memory(linker.clone(), module, &import.module, memory.clone()).map_err(import_error)?;
        Ok(Self::PerInstance { linker: linker.clone(), module: import.module, memory })
    }
}

/// Loads a module of one engine into another that compiles alike.
fn load_again(module: &wasmtime::Module, host: &Host) -> Result<Loaded, CompileError> {
    let failed = |error: wasmtime::Error| CompileError::failed(error.into_boxed_dyn_error());
    let code = module.serialize().map_err(failed)?;
    Loaded::new(host, deserialize(&host.engine, &code).map_err(failed)?)
}

pub(crate) fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<wasmtime::Module> {
    // SAFETY: the code was made by an engine of this process, or comes from the cache, which gives out only what was
    // authenticated with the key of this user's own engines.
    unsafe { wasmtime::Module::deserialize(engine, code) }
}

/// The memory that a module wants to be given.
struct ImportedMemory {
    module: String,
    memory: MemoryType,
}

fn imported_memory(module: &wasmtime::Module) -> Option<ImportedMemory> {
    module.imports().find_map(|import| match import.ty() {
        ExternType::Memory(memory) if is_offered(&import) => {
            Some(ImportedMemory { module: import.module().to_owned(), memory })
        }
        _ => None,
    })
}

/// Earlier hosts offer a memory under an empty module name.
fn is_offered(import: &ImportType<'_>) -> bool {
    import.module().is_empty() && import.name() == MEMORY
}

/// The memory made for a module that wants this one: as large as earlier hosts make it, or as the module says.
fn offered(wanted: MemoryType) -> MemoryType {
    let maximum = wanted.maximum();
    let least = IMPORTED_MEMORY_PAGES.min(maximum.unwrap_or(u64::MAX)).max(wanted.minimum());
    // Both fit into 32 bits, for memories with 64-bit addresses are switched off.
    let pages = |pages: u64| u32::try_from(pages).unwrap_or(u32::MAX);
    MemoryType::new(pages(least), maximum.map(pages))
}

/// Whether the imports fit if this memory is among them, told in a store in which nothing runs.
fn check_with_memory(
    mut linker: Linker<Guest>,
    module: &wasmtime::Module,
    memory_module: &str,
    memory: MemoryType,
) -> wasmtime::Result<()> {
    let mut store = Store::new(module.engine(), Guest::nobody());
    let memory = Memory::new(&mut store, memory)?;
    linker.define(&mut store, memory_module, MEMORY, memory)?;
    linker.instantiate_pre(module).map(drop)
}

fn import_error(error: wasmtime::Error) -> CompileError {
    match error.downcast_ref::<UnknownImportError>() {
        Some(unknown) => {
            CompileError::UnknownImport { module: unknown.module().to_owned(), name: unknown.name().to_owned() }
        }
        None => CompileError::WrongImport(error.into_boxed_dyn_error()),
    }
}

/// Where a function is exported, if it is. The signature is written as it would be in an error.
fn exported(
    module: &wasmtime::Module,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<ModuleExport>, CompileError> {
    let found = match module.get_export(name) {
        None => return Ok(None),
        Some(ExternType::Func(function)) => signature(&function),
        Some(_) => "of no function".to_owned(),
    };
    if found != expected {
        return Err(CompileError::WrongSignature { export: name, found, expected });
    }
    Ok(module.get_export_index(name))
}

fn signature(function: &FuncType) -> String {
    let params: Vec<_> = function.params().map(|param| param.to_string()).collect();
    let results: Vec<_> = function.results().map(|result| result.to_string()).collect();
    let results = if results.len() == 1 { results.concat() } else { format!("({})", results.join(", ")) };
    format!("({}) -> {results}", params.join(", "))
}
