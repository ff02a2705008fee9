/** The hash by which every router picks alike: for the split, samples and thinning; pure. */
@NullMarked
package dev.understudy.router.hash;

import org.jspecify.annotations.NullMarked;
