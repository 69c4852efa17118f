// What a lock guards, said so that clang checks it (-Wthread-safety, which scripts/lint runs); other compilers see nothing.
//
//     Mutex mutex_;
//     int count_ GATEHOUSE_GUARDED_BY(mutex_) = 0;    // touched with the lock held, or clang complains
//     void add() GATEHOUSE_REQUIRES(mutex_);          // the caller holds the lock
//
// Clang does not look into constructors and destructors, and takes a lambda for a function that holds no lock.
#pragma once

#ifdef __clang__
#define GATEHOUSE_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define GATEHOUSE_THREAD_ATTRIBUTE(x)
#endif

// Of a member: it is read and written with this mutex held.
#define GATEHOUSE_GUARDED_BY(mutex) GATEHOUSE_THREAD_ATTRIBUTE(guarded_by(mutex))
// Of a function: its caller holds this mutex, before and after.
#define GATEHOUSE_REQUIRES(mutex) GATEHOUSE_THREAD_ATTRIBUTE(requires_capability(mutex))

// Of the classes in base/mutex.hpp.
#define GATEHOUSE_CAPABILITY GATEHOUSE_THREAD_ATTRIBUTE(capability("mutex"))
#define GATEHOUSE_SCOPED_CAPABILITY GATEHOUSE_THREAD_ATTRIBUTE(scoped_lockable)
#define GATEHOUSE_ACQUIRE(...) GATEHOUSE_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define GATEHOUSE_RELEASE(...) GATEHOUSE_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
