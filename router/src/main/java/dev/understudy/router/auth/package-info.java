/** Step 2: who is calling becomes a principal, from headers alone. */
@NullMarked
package dev.understudy.router.auth;

import org.jspecify.annotations.NullMarked;
