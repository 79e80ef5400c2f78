/*
 * One execution with one effect on the outside world: two workers that may die or freeze anywhere, a sweep, a network that
 * delivers late, somebody who cancels, edits the plan or revokes its approval at any moment, and a person who is asked when
 * nobody else can tell. Every rule that the engine relies on is a switch, so that the model can show what each is for.
 *
 * TARGET    1 keyed, 2 fenced, 3 opaque
 * RECONCILE an opaque target can be asked whether it happened
 * FENCE     writes to the store compare the fence
 * LEDGER    the intent is committed before the call
 * BIND      approval, its hash and the cancel are looked at in the transaction of the intent, not only at the claim
 * PROOF     a "no" is believed only when the process that called is proven dead
 * DOUBT     nothing ends while its effect is in doubt
 * CANCEL    somebody may cancel
 * WITNESS   n: says that the n-th of the situations at the end cannot be reached, which must be found false
 *
 * Assumed: a dead process sends nothing, and what it had sent has arrived or is lost by the time that its death is proven. A
 * person decides only about a process that is dead.
 */
#ifndef TARGET
#define TARGET 1
#endif
#ifndef RECONCILE
#define RECONCILE 1
#endif
#ifndef FENCE
#define FENCE 1
#endif
#ifndef LEDGER
#define LEDGER 1
#endif
#ifndef BIND
#define BIND 1
#endif
#ifndef PROOF
#define PROOF 1
#endif
#ifndef DOUBT
#define DOUBT 1
#endif
#ifndef CANCEL
#define CANCEL 1
#endif
#ifndef WITNESS
#define WITNESS 0
#endif

#define WORKERS 2
#define CLAIMS  3
#define KEYED   (TARGET == 1)
#define FENCED  (TARGET == 2)
#define OPAQUE  (TARGET == 3)
#define NOBODY  9

mtype = { requested, queued, running, waiting, succeeded, canceled };
mtype = { none, intended, in_doubt, applied, not_applied };

/* The row and its ledger. */
mtype state = queued;
mtype ledger = none;
byte fence = 0;
byte holder = NOBODY;
bool isLeased = false;      /* the lease has not run out */
byte plan = 1;
byte approved = 1;          /* hash of the approved plan; 0 when there is none */
bool isCanceled = false;
byte intentFence = 0;
byte intentWorker = NOBODY;

/* The world. */
byte happened = 0;          /* how often the effect was applied */
byte seenFence = 0;         /* newest fence that a fenced target has seen */
bool isDead[WORKERS];
bool isSent[WORKERS];       /* a call of this worker is under way */
byte sentFence[WORKERS];

/* Told by whoever breaks a promise. */
byte completions = 0;
bool wasUnapproved = false;
bool wasLate = false;       /* an intent after a cancel */
bool wasOvertaken = false;  /* a write of somebody whose lease another one has */

#define isOpen     (ledger == intended || ledger == in_doubt)
#define isTerminal (state == succeeded || state == canceled)
#define owns(f)    (state == running && (fence == f || !FENCE))
#define mayAct     (approved == plan && !isCanceled)

inline arrive(w) {
  if
  :: KEYED -> happened = (happened == 0 -> 1 : happened)
  :: FENCED && sentFence[w] < seenFence -> skip
  :: FENCED && sentFence[w] >= seenFence -> seenFence = sentFence[w]; happened = (happened == 0 -> 1 : happened)
  :: OPAQUE -> happened++
  fi;
  isSent[w] = false
}

/* Where a run goes that is over without having succeeded. */
inline leave() {
  holder = NOBODY; isLeased = false;
  if :: ledger == intended -> ledger = in_doubt :: else fi;
  if
  :: DOUBT && ledger == in_doubt && OPAQUE && !RECONCILE -> state = waiting
  :: isCanceled && !(DOUBT && isOpen) -> state = canceled
  :: else -> state = queued
  fi
}

inline intend(w, f) {
  wasUnapproved = wasUnapproved || (approved != plan);
  wasLate = wasLate || isCanceled;
  wasOvertaken = wasOvertaken || fence != f;
  ledger = intended; intentFence = f; intentWorker = w
}

/* A dead process takes no further step; one that is frozen takes its next one whenever it wakes. */
proctype Worker(byte w) provided (!isDead[w]) {
  byte mine;
  bool mayCall;
endIdle:
  do
  :: atomic { state == queued && fence < CLAIMS && (mayAct || isOpen) ->
       state = running; fence++; mine = fence; holder = w; isLeased = true; mayCall = false };
     /* What an earlier run has left is settled first. */
     if
     :: atomic { owns(mine) && ledger == in_doubt && !OPAQUE && mayAct -> intend(w, mine); mayCall = true }
     :: atomic { owns(mine) && ledger == in_doubt && (OPAQUE || !mayAct) ->
          if
          :: happened > 0 -> ledger = applied
          :: happened == 0 && (!PROOF || isDead[intentWorker]) -> ledger = not_applied
          :: happened == 0 && PROOF && !isDead[intentWorker] -> leave(); if :: state == queued -> state = waiting :: else fi; goto endIdle
          fi }
     :: atomic { owns(mine) && !isOpen -> skip }
     :: atomic { !owns(mine) -> goto endIdle }
     fi;
     if
     :: atomic { owns(mine) && !mayCall && LEDGER && (ledger == none || ledger == not_applied) && (mayAct || !BIND) ->
          intend(w, mine); mayCall = true }
     :: atomic { !LEDGER && owns(mine) && ledger != applied -> mayCall = true }
     :: atomic { owns(mine) && !mayCall && !isOpen && BIND && !mayAct -> leave(); goto endIdle }
     :: atomic { owns(mine) && ledger == applied -> skip }
     :: atomic { mayCall -> skip }
     :: atomic { !owns(mine) -> goto endIdle }
     fi;
     /* It may freeze here, and send when it wakes. */
     if
     :: atomic { mayCall && !isSent[w] -> isSent[w] = true; sentFence[w] = mine };
        if
        :: !isSent[w]                       /* it has arrived, and was answered */
        :: atomic { isSent[w] && owns(mine) && ledger == intended -> leave(); goto endIdle }   /* timed out: in doubt */
        fi
     :: !mayCall -> skip
     fi;
     if
     :: atomic { owns(mine) && mayCall && LEDGER && ledger == intended && (intentFence == mine || !FENCE) ->
          ledger = applied; wasOvertaken = wasOvertaken || fence != mine }
     :: atomic { !LEDGER && owns(mine) -> ledger = applied }
     :: atomic { !mayCall -> skip }
     :: atomic { !owns(mine) || (LEDGER && ledger != intended) -> skip }
     fi;
     if
     :: atomic { owns(mine) && !(DOUBT && isOpen) ->
          state = succeeded; completions++; wasOvertaken = wasOvertaken || fence != mine; isLeased = false; goto endIdle }
     :: atomic { !owns(mine) -> goto endIdle }
     :: atomic { owns(mine) && DOUBT && isOpen -> leave(); goto endIdle }
     fi
  :: isTerminal -> break
  od
}

/* Delivers what is under way, whenever it likes. */
proctype Network() {
endNet:
  do
  :: atomic { isSent[0] -> arrive(0) }
  :: atomic { isSent[1] -> arrive(1) }
  od
}

/* A lease runs out, whether its worker is dead or frozen; the sweep finds it. */
proctype Sweep() {
endSweep:
  do
  :: atomic { state == running && isLeased -> isLeased = false }
  :: atomic { state == running && !isLeased -> leave() }
  od
}

/* SIGKILL of one of them, at any moment. What it had sent arrives or is lost. */
proctype Killer() {
  atomic {
    if
    :: isDead[0] = true; if :: isSent[0] -> arrive(0) :: isSent[0] = false fi
    :: isDead[1] = true; if :: isSent[1] -> arrive(1) :: isSent[1] = false fi
    :: skip
    fi
  }
}

/* The plan is frozen from the first intent on. An edit takes the lease of a run that has not begun to act. */
proctype Editor() {
  if
  :: atomic { !isTerminal && (ledger == none || !BIND) ->
       plan = 2; approved = 0;
       if
       :: BIND && state == running -> holder = NOBODY; isLeased = false; fence++; state = requested
       :: BIND && state == queued -> state = requested
       :: else
       fi };
     if
     :: atomic { !isTerminal -> approved = plan; if :: state == requested -> state = queued :: else fi }
     :: skip
     fi
  :: skip
  fi
}

proctype Canceler() {
  if
  :: atomic { CANCEL && !isTerminal -> isCanceled = true; if :: state != running && !(DOUBT && isOpen) -> state = canceled :: else fi }
  :: skip
  fi
}

proctype Revoker() {
  if
  :: atomic { !isTerminal -> approved = 0 }
  :: skip
  fi
}

/* Asked where nobody else can tell; looks at the world, about a process that is dead. */
proctype Person() {
endPerson:
  do
  :: atomic { state == waiting && ledger == in_doubt && isDead[intentWorker] ->
       ledger = (happened > 0 -> applied : not_applied);
       state = (isCanceled -> canceled : queued) }
  od
}

init {
  atomic { run Worker(0); run Worker(1); run Network(); run Sweep(); run Killer(); run Editor(); run Canceler(); run Revoker(); run Person() }
}

#define isKept (completions <= 1 && happened <= 1 && !wasUnapproved && !wasLate && !wasOvertaken && !(isTerminal && isOpen) && !(LEDGER && state == succeeded && ledger != applied))

#if WITNESS == 0
active proctype Promises() {
endPromises:
  atomic { !isKept ->
    assert(completions <= 1);        /* one success */
    assert(happened <= 1);           /* one effect */
    assert(!wasUnapproved);          /* no intent without the approval of this very plan */
    assert(!wasLate);                /* no intent after a cancel */
    assert(!wasOvertaken);           /* no write under an old fence */
    assert(!(isTerminal && isOpen)); /* no end in doubt */
    assert(isKept) }                 /* no success without its effect */
}
#else
/* What a model must be able to reach, if what it does not reach is to say anything. */
#if WITNESS == 1
#define situation (state == succeeded && fence == CLAIMS && isDead[0])
#elif WITNESS == 2
#define situation (state == waiting && intentWorker == 0)
#elif WITNESS == 3
#define situation (isSent[0] && sentFence[0] < fence && ledger == applied)
#elif WITNESS == 4
#define situation (isCanceled && ledger == applied && state == canceled)
#elif WITNESS == 5
#define situation (state == running && approved != plan && ledger == none)
#endif
active proctype Witness() {
endWitness:
  atomic { situation -> assert(!(situation)) }
}
#endif
