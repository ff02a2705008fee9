/** What a rollout promises to do and to prove: read from YAML, checked, and fixed by digest. */
@NullMarked
package dev.understudy.rollout.plan;

import org.jspecify.annotations.NullMarked;
