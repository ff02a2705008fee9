/** By which digest a version of a model is known. */
@NullMarked
package dev.understudy.chassis.digest;

import org.jspecify.annotations.NullMarked;
