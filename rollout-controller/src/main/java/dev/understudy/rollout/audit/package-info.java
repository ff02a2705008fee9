/** Who changed what: an append-only chain of hashes that anybody can check. */
@NullMarked
package dev.understudy.rollout.audit;

import org.jspecify.annotations.NullMarked;
