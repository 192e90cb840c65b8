;; AdamW (Loshchilov & Hutter, 2019, arXiv 1711.05101) as one pass over memory, four elements at a time. The operations are those of
;; src/onnx/adamw.ts in the same order, each rounded to single precision as ONNX Runtime's kernels round it, so that both give the same bits.
(module
  (import "state" "memory" (memory 0 65536))

  ;; Updates `bytes` bytes (a multiple of 16) of parameters, moments and gradients, which start at $p, $m, $v and $g.
  ;; $rest1 = 1 − β₁, $rest2 = 1 − β₂; $decay is 1 where there is no weight decay.
  (func (export "update")
    (param $p i32) (param $m i32) (param $v i32) (param $g i32) (param $bytes i32)
    (param $clip f32) (param $beta1 f32) (param $rest1 f32) (param $beta2 f32) (param $rest2 f32)
    (param $decay f32) (param $stepSize f32) (param $epsilon f32)
    (local $clips v128) (local $beta1s v128) (local $rest1s v128) (local $beta2s v128) (local $rest2s v128)
    (local $decays v128) (local $stepSizes v128) (local $epsilons v128)
    (local $i i32) (local $gradient v128) (local $first v128) (local $second v128)
    (local.set $clips (f32x4.splat (local.get $clip)))
    (local.set $beta1s (f32x4.splat (local.get $beta1)))
    (local.set $rest1s (f32x4.splat (local.get $rest1)))
    (local.set $beta2s (f32x4.splat (local.get $beta2)))
    (local.set $rest2s (f32x4.splat (local.get $rest2)))
    (local.set $decays (f32x4.splat (local.get $decay)))
    (local.set $stepSizes (f32x4.splat (local.get $stepSize)))
    (local.set $epsilons (f32x4.splat (local.get $epsilon)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $bytes)))
        (local.set $gradient (f32x4.mul (v128.load (i32.add (local.get $g) (local.get $i))) (local.get $clips)))
        ;; m ← β₁·m + (1 − β₁)·g
        (local.set $first
          (f32x4.add
            (f32x4.mul (v128.load (i32.add (local.get $m) (local.get $i))) (local.get $beta1s))
            (f32x4.mul (local.get $gradient) (local.get $rest1s))))
        (v128.store (i32.add (local.get $m) (local.get $i)) (local.get $first))
        ;; v ← β₂·v + (1 − β₂)·g²
        (local.set $second
          (f32x4.add
            (f32x4.mul (v128.load (i32.add (local.get $v) (local.get $i))) (local.get $beta2s))
            (f32x4.mul (f32x4.mul (local.get $gradient) (local.get $gradient)) (local.get $rest2s))))
        (v128.store (i32.add (local.get $v) (local.get $i)) (local.get $second))
        ;; p ← p·decay − stepSize·m / (√v + ε̂)
        (v128.store (i32.add (local.get $p) (local.get $i))
          (f32x4.sub
            (f32x4.mul (v128.load (i32.add (local.get $p) (local.get $i))) (local.get $decays))
            (f32x4.mul
              (f32x4.div (local.get $first) (f32x4.add (f32x4.sqrt (local.get $second)) (local.get $epsilons)))
              (local.get $stepSizes))))
        (local.set $i (i32.add (local.get $i) (i32.const 16)))
        (br $next)))))
