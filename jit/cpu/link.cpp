// jit/cpu/link.cpp — see link.h; C++ because C's interface to LLVM links whole modules only.
//
// Some functions have a slow part that hardly any argument takes, a function of its own (ELEM_RARE).  A call would keep a loop from becoming vector
// code, so LLVM is told of forms of it for whole vectors (the attribute vector-function-abi-variant): these look whether any lane takes part, and call
// the slow part for the lanes that do.
#include "jit/cpu/link.h"

#include <cstdio>

#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/Linker/Linker.h>

#ifdef ALPY_ELEM_BITCODE
extern "C" const unsigned char elem_bitcode[];
extern "C" const unsigned long elem_bitcode_size;

bool link_has_functions(void)
{
    return true;
}

static bool is_elem(const llvm::Function &fn)
{
    return fn.getName().starts_with("elem_");
}

// A function of vectors of the rare one's operands, and a mask.
static llvm::Function *new_form(llvm::Function &rare, unsigned width, const std::string &name, llvm::GlobalValue::LinkageTypes linkage)
{
    llvm::SmallVector<llvm::Type *, 3> params;
    for (llvm::Argument &a : rare.args())
        params.push_back(llvm::FixedVectorType::get(a.getType(), width));
    params.push_back(llvm::FixedVectorType::get(llvm::Type::getInt1Ty(rare.getContext()), width));
    auto *type = llvm::FunctionType::get(llvm::FixedVectorType::get(rare.getReturnType(), width), params, false);
    auto *form = llvm::Function::Create(type, linkage, name, rare.getParent());
    form->setDoesNotAccessMemory();
    return form;
}

// Lane by lane where the mask says so; in others nothing in particular.  Small, as it hardly ever runs.
static llvm::Function *make_lanes(llvm::Function &rare, unsigned width)
{
    llvm::Function *form = new_form(rare, width, "lanes" + std::to_string(width) + "_" + rare.getName().str(), llvm::GlobalValue::InternalLinkage);
    for (auto what : { llvm::Attribute::NoInline, llvm::Attribute::Cold, llvm::Attribute::MinSize, llvm::Attribute::OptimizeForSize })
        form->addFnAttr(what);
    auto block = [&](const char *text) { return llvm::BasicBlock::Create(rare.getContext(), text, form); };
    llvm::BasicBlock *start = block("start"), *lane = block("lane"), *call = block("call"), *next = block("next"), *end = block("end");
    llvm::IRBuilder<> b(start);
    b.CreateBr(lane);
    b.SetInsertPoint(lane);
    llvm::PHINode *l = b.CreatePHI(b.getInt32Ty(), 2), *out = b.CreatePHI(form->getReturnType(), 2);
    b.CreateCondBr(b.CreateExtractElement(form->getArg(form->arg_size() - 1), l), call, next);
    b.SetInsertPoint(call);
    llvm::SmallVector<llvm::Value *, 2> args;
    for (unsigned k = 0; k < rare.arg_size(); k++)
        args.push_back(b.CreateExtractElement(form->getArg(k), l));
    llvm::Value *with = b.CreateInsertElement(out, b.CreateCall(&rare, args), l);
    b.CreateBr(next);
    b.SetInsertPoint(next);
    llvm::PHINode *kept = b.CreatePHI(form->getReturnType(), 2);
    kept->addIncoming(out, lane);
    kept->addIncoming(with, call);
    llvm::Value *more = b.CreateAdd(l, b.getInt32(1));
    b.CreateCondBr(b.CreateICmpULT(more, b.getInt32(width)), lane, end);
    l->addIncoming(b.getInt32(0), start);
    l->addIncoming(more, next);
    out->addIncoming(llvm::PoisonValue::get(form->getReturnType()), start);
    out->addIncoming(kept, next);
    b.SetInsertPoint(end);
    b.CreateRet(kept);
    return form;
}

// What the vectoriser calls: asks whether any lane takes part.
static void make_wide(llvm::Function &rare, unsigned width, const std::string &name)
{
    llvm::Function *lanes = make_lanes(rare, width), *form = new_form(rare, width, name, llvm::GlobalValue::ExternalLinkage);
    form->addFnAttr(llvm::Attribute::AlwaysInline);
    auto block = [&](const char *text) { return llvm::BasicBlock::Create(rare.getContext(), text, form); };
    llvm::BasicBlock *start = block("start"), *some = block("some"), *end = block("end");
    llvm::IRBuilder<> b(start);
    llvm::MDBuilder likely(rare.getContext());
    b.CreateCondBr(b.CreateOrReduce(form->getArg(form->arg_size() - 1)), some, end, likely.createBranchWeights(1, 1 << 20));
    b.SetInsertPoint(some);
    llvm::SmallVector<llvm::Value *, 3> args;
    for (llvm::Argument &a : form->args())
        args.push_back(&a);
    llvm::Value *r = b.CreateCall(lanes, args);
    b.CreateBr(end);
    b.SetInsertPoint(end);
    llvm::PHINode *out = b.CreatePHI(form->getReturnType(), 2);
    out->addIncoming(llvm::PoisonValue::get(form->getReturnType()), start);
    out->addIncoming(r, some);
    b.CreateRet(out);
}

static void make_wide_forms(llvm::Function &rare)
{
    std::string scalar = rare.getName().str(), forms;
    for (unsigned width = 2; width <= 16; width *= 2) {
        std::string name = "wide" + std::to_string(width) + "_" + scalar;
        make_wide(rare, width, name);
        forms += (forms.empty() ? "" : ",") + std::string("_ZGV_LLVM_M") + std::to_string(width) + std::string(rare.arg_size(), 'v') + "_" + scalar +
                 "(" + name + ")";
    }
    rare.addFnAttr("vector-function-abi-variant", forms);
}

void link_drop_unused(LLVMModuleRef of)
{
    for (const char *kind : { "wide", "lanes" })                // the former call the latter
        for (llvm::Function &fn : llvm::make_early_inc_range(*llvm::unwrap(of)))
            if (fn.getName().starts_with(kind) && fn.use_empty())
                fn.eraseFromParent();
}

bool link_functions(LLVMModuleRef into, int *n, char *error, size_t error_size)
{
    llvm::Module &module = *llvm::unwrap(into);
    *n = 0;
    for (const llvm::Function &fn : module)
        *n += fn.isDeclaration() && is_elem(fn);
    if (!*n)
        return true;
    llvm::MemoryBufferRef bytes(llvm::StringRef(reinterpret_cast<const char *>(elem_bitcode), elem_bitcode_size), "elem");
    auto elem = llvm::getLazyBitcodeModule(bytes, module.getContext());       // functions that nobody asks for are not read
    if (!elem) {
        std::snprintf(error, error_size, "reading the elementary functions: %.150s", llvm::toString(elem.takeError()).c_str());
        return false;
    }
    (*elem)->setTargetTriple(module.getTargetTriple());
    (*elem)->setDataLayout(module.getDataLayout());
    if (llvm::Linker::linkModules(module, std::move(*elem), llvm::Linker::LinkOnlyNeeded)) {
        std::snprintf(error, error_size, "linking the elementary functions");
        return false;
    }
    for (llvm::Function &fn : module)
        if (!fn.isDeclaration() && is_elem(fn)) {
            fn.setLinkage(llvm::GlobalValue::InternalLinkage);
            fn.setVisibility(llvm::GlobalValue::DefaultVisibility);
            for (const char *what : { "target-cpu", "target-features", "tune-cpu", "frame-pointer" })
                fn.removeFnAttr(what);
        }
    llvm::SmallVector<llvm::Function *, 4> rare;
    for (llvm::Function &fn : module)
        if (!fn.isDeclaration() && is_elem(fn) && !fn.hasFnAttribute(llvm::Attribute::AlwaysInline))
            rare.push_back(&fn);
    for (llvm::Function *fn : rare)
        make_wide_forms(*fn);
    return true;
}
#else
bool link_has_functions(void)
{
    return false;
}

bool link_functions(LLVMModuleRef, int *n, char *, size_t)
{
    *n = 0;
    return true;
}

void link_drop_unused(LLVMModuleRef)
{
}
#endif
